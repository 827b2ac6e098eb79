"""How modules hold their parts: names, buffers, shared ones, modes and dtypes."""

import pytest
import torch
from op_case import assert_same
from playwright.sync_api import Page
from torch import nn

# Two products, each a sum in another order than PyTorch's.
TOLERANCE = 1e-5


def test_modules_name_their_parts_as_pytorchs_do(torch_page: Page) -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.LayerNorm(4)
            self.layers = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 2, bias=False)])
            self.scale = nn.Parameter(torch.ones(2))
            self.register_buffer("steps", torch.zeros(3))
            self.register_buffer("cache", torch.zeros(3), persistent=False)
            self.tied = self.layers[0]

    block = Block()
    told = torch_page.evaluate(
        """() => {
            class Block extends torch.nn.Module {
                constructor() {
                    super();
                    this.norm = new torch.nn.LayerNorm(4);
                    const linear = new torch.nn.Linear(4, 4);
                    const last = new torch.nn.Linear(4, 2, {bias: false});
                    this.layers = new torch.nn.ModuleList([linear, last]);
                    this.scale = torch.ones(2);
                    this.register_buffer("steps", torch.zeros(3));
                    this.register_buffer("cache", torch.zeros(3), {persistent: false});
                    this.tied = linear;
                }
            }
            const block = new Block();
            const names = (entries) => entries.map(([name]) => name);
            return {
                parameters: names(block.named_parameters()),
                buffers: names(block.named_buffers()),
                children: names(block.named_children()),
                state: [...block.state_dict().keys()],
                sizes: [...block.state_dict().values()].map(({shape}) => [...shape]),
                length: [block.layers.length, [...block.layers].length],
            };
        }"""
    )
    assert told["parameters"] == [name for name, _ in block.named_parameters()]
    assert told["buffers"] == [name for name, _ in block.named_buffers()]
    assert told["children"] == [name for name, _ in block.named_children()]
    assert told["state"] == list(block.state_dict())
    assert told["sizes"] == [list(t.shape) for t in block.state_dict().values()]
    assert told["length"] == [2, 2]


TREE = """
    const {Linear, ModuleList, Sequential, SiLU} = torch.nn;
    const shared = new Linear(3, 3);
    const model = new Sequential(shared, new SiLU(), shared);
    model.append(new Sequential(shared)).extend([new SiLU()]);
    const list = new ModuleList([shared, shared]).extend(model);
"""


def test_shared_modules_are_told_once_and_run_as_often_as_they_are_there(
    torch_page: Page,
) -> None:
    shared = nn.Linear(3, 3)
    model = nn.Sequential(shared, nn.SiLU(), shared)
    model.append(nn.Sequential(shared)).extend([nn.SiLU()])
    listed = nn.ModuleList([shared, shared]).extend(model)
    x = torch.arange(6.0).view(2, 3) / 6
    state = {name: tensor.tolist() for name, tensor in shared.state_dict().items()}
    told = torch_page.evaluate(
        "async ([state, rows]) => {"
        + TREE
        + """
            shared.load_state_dict(Object.fromEntries(Object.entries(state).map(
                ([name, values]) => [name, torch.tensor(values)])));
            const names = (entries) => entries.map(([name]) => name);
            const lists = [model, list].map((module) => ({
                modules: names(module.named_modules("m")),
                children: names(module.named_children()),
                counts: [module.modules().length, module.children().length],
                state: [...module.state_dict().keys()],
                parameters: names(module.named_parameters()),
                length: [module.length, [...module].length],
                isShared: [0, 1].map((i) => module[i] === shared),
            }));
            const y = model.forward(torch.tensor(rows));
            return [lists, await y.tolist()];
        }""",
        [state, x.tolist()],
    )
    for module, answer in zip([model, listed], told[0], strict=True):
        assert answer == {
            "modules": [name for name, _ in module.named_modules(prefix="m")],
            "children": [name for name, _ in module.named_children()],
            "counts": [len([*module.modules()]), len([*module.children()])],
            "state": [*module.state_dict()],
            "parameters": [name for name, _ in module.named_parameters()],
            "length": [len(module), len([*module])],
            "isShared": [module[i] is shared for i in (0, 1)],
        }
    assert_same(torch.tensor(told[1]), model(x).detach(), TOLERANCE)


def test_train_eval_and_apply_reach_every_module(torch_page: Page) -> None:
    told = torch_page.evaluate(
        "async () => {"
        + TREE
        + """
            const states = () => [model, shared, model[3]].map((one) => one.training);
            const told = [states()];
            told.push(model.eval() === model, states());
            model[3].train();
            told.push(states(), model.train(false) === model, states());
            const met = [];
            told.push(list.apply((one) => met.push(one.constructor.name)) === list);
            try {
                model.train("on");
            } catch (error) {
                told.push(String(error));
            }
            return [...told, met];
        }"""
    )
    shared = nn.Linear(3, 3)
    model = nn.Sequential(shared, nn.SiLU(), shared, nn.Sequential(shared), nn.SiLU())
    listed = nn.ModuleList([shared, shared, *model])
    met: list[str] = []
    listed.apply(lambda module: met.append(type(module).__name__))
    with pytest.raises(ValueError, match="boolean") as refused:
        model.train("on")  # type: ignore[arg-type]
    assert told == [
        [True, True, True],
        True,
        [False, False, False],
        [False, True, True],
        True,
        [False, False, False],
        True,
        f"ValueError: {refused.value}",
        met,
    ]


def test_a_module_takes_another_dtype_with_all_that_is_tied(torch_page: Page) -> None:
    told = torch_page.evaluate(
        """async () => {
            class Tied extends torch.nn.Module {
                constructor() {
                    super();
                    this.up = new torch.nn.Linear(2, 2);
                    this.down = new torch.nn.Linear(2, 2, {bias: false});
                    this.down.weight = this.up.weight;
                    this.register_buffer("steps", torch.tensor([1, 2]));
                    this.register_buffer("scale", torch.tensor([0.5, 70000]));
                }
            }
            const tied = new Tied();
            const told = [tied.half() === tied];
            const dtypes = () => [...tied.state_dict().values()].map((t) => t.dtype);
            told.push(dtypes(), tied.named_parameters().length);
            told.push(await tied.scale.tolist());
            tied.to(torch.float32).float();
            told.push(dtypes());
            try {
                tied.to(torch.int32);
            } catch (error) {
                told.push(String(error));
            }
            return told;
        }"""
    )

    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up = nn.Linear(2, 2)
            self.down = nn.Linear(2, 2, bias=False)
            self.down.weight = self.up.weight
            self.register_buffer("steps", torch.tensor([1, 2], dtype=torch.int32))
            self.register_buffer("scale", torch.tensor([0.5, 70000]))

    tied = Tied().half()
    names = ["scale", "steps", "up.weight", "up.bias", "down.weight"]
    dtypes = sorted(str(tied.state_dict()[name].dtype)[6:] for name in names)
    assert told[0]
    assert sorted(told[1]) == dtypes
    assert told[2] == len([*tied.parameters()])
    assert told[3] == tied.get_buffer("scale").tolist()
    assert told[4] == [name.replace("float16", "float32") for name in told[1]]
    with pytest.raises(TypeError) as refused:
        tied.to(torch.int32)
    assert told[5].startswith("TypeError: nn.Module.to only accepts floating point ")
    assert str(refused.value).startswith("nn.Module.to only accepts floating point ")


REGISTERED = [
    ("register_buffer", "weight"),
    ("register_buffer", "fc"),
    ("register_buffer", "forward"),
    ("register_buffer", "a.b"),
    ("register_buffer", ""),
    ("register_buffer", "steps"),
    ("register_buffer", "new"),
    ("register_parameter", "fc"),
    ("register_parameter", "steps"),
    ("register_parameter", "forward"),
    ("register_parameter", "a.b"),
    ("register_parameter", ""),
    ("register_parameter", "weight"),
    ("register_parameter", "new"),
]


@pytest.mark.parametrize(("function", "name"), REGISTERED)
def test_a_name_that_is_taken_is_refused(
    torch_page: Page, function: str, name: str
) -> None:
    linear = nn.Linear(2, 2)
    linear.fc = nn.SiLU()
    linear.register_buffer("steps", torch.ones(1))
    expected = ""
    try:
        getattr(linear, function)(name, nn.Parameter(torch.ones(3)))
    except KeyError as error:
        expected = f"KeyError: {error.args[0]}"
    told, kept, names = torch_page.evaluate(
        """([register, name]) => {
            const linear = new torch.nn.Linear(2, 2);
            const fc = new torch.nn.SiLU();
            linear.fc = fc;
            linear.register_buffer("steps", torch.ones(1));
            let message = "";
            try {
                linear[register](name, torch.ones(3));
            } catch (error) {
                message = String(error);
            }
            return [message, linear.fc === fc, [...linear.state_dict().keys()]];
        }""",
        [function, name],
    )
    assert told == expected
    assert kept
    assert names == [*linear.state_dict()]
