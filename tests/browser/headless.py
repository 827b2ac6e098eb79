"""Which Chromium the tests start, and with what: WebGPU in software."""

import os
import shutil

CHROMIUM_FLAGS = [
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    # SwiftShader compiles one store for each word of workgroup memory that it has to
    # clear, seconds a shader; and a kernel that counts on zeros there fails without.
    "--enable-dawn-features=disable_workgroup_init",
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
]


def system_chromium() -> str | None:
    """The machine's own Chromium, or None for the one that Playwright downloaded."""
    named = os.environ.get("CHROMIUM")
    found = (
        shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")
    )
    return named or next(filter(None, found), None)
