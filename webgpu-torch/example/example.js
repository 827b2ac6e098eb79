// @ts-check
/** The example's page: tensors, a small model, and where its time goes. */

import * as torch from "../dist/torch.js";

const F = torch.nn.functional;

async function main() {
  await torch.init();
  const { vendor, architecture, description } = torch.device_info();
  show("device", `On ${[vendor, architecture, description].filter(Boolean).join(" ")}`);
  await tensors();
  const model = await load("sine.safetensors");
  await draw(model);
  await profile(model);
}

async function tensors() {
  const x = torch.tensor([[1, 2, 3], [4, 5, 6.5]]);
  const y = F.softmax(x.matmul(x.t()).div(10), { dim: -1 }); // nothing has run yet
  show("tensors", `${y}\n${JSON.stringify(await y.tolist())}`); // now it has
}

/** The model of make_model.py. @param {string} url */
async function load(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  const { Sequential, Linear, GELU } = torch.nn;
  const model = new Sequential(new Linear(1, 32), new GELU(), new Linear(32, 32), new GELU(), new Linear(32, 1));
  model.load_state_dict(torch.safetensors.load(await response.arrayBuffer()));
  return (/** @type {torch.Tensor} */ x) => model.forward(x);
}

/** @param {(x: torch.Tensor) => torch.Tensor} model */
async function draw(model) {
  const x = torch.linspace(-Math.PI, Math.PI, 801);
  const y = model(x.unsqueeze(1)).squeeze(1);
  const [values, error] = await Promise.all([y.numpy(), y.sub(x.sin()).abs().max().item()]);
  show("error", `Its largest error is ${error.toExponential(1)}.`);
  const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById("curve"));
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no 2d canvas");
  context.strokeStyle = "#2a7ae2";
  context.lineWidth = 3;
  context.beginPath();
  for (const [i, value] of values.entries()) context.lineTo(i, 120 - 110 * Number(value));
  context.stroke();
}

/** @param {(x: torch.Tensor) => torch.Tensor} model */
async function profile(model) {
  const x = torch.frombuffer(Float32Array.from({ length: 800 }, () => Math.random())).reshape(800, 1);
  const { clock, rows } = await torch.profile(async () => {
    for (let n = 0; n < 20; n++) await model(x).numpy();
  });
  const body = /** @type {HTMLTableSectionElement} */ (document.getElementById("profile"));
  for (const { name, calls, mean } of rows) {
    const row = body.insertRow();
    for (const cell of [name, calls, (1000 * mean).toFixed(1)]) row.insertCell().append(String(cell));
  }
  show("clock", clock === "host" ? "From submit to done: this adapter has no timestamp queries." : "By the GPU's own clock.");
}

/** @param {string} id @param {string} text */
function show(id, text) {
  const element = document.getElementById(id);
  if (element) element.textContent = text;
}

main().catch((error) => show("device", String(error)));
