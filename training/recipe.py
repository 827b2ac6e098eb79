"""Every number that a training run depends on: recipes, each a few stages."""

from dataclasses import dataclass

# Whole documents that training never sees. Of the textbooks, which come as a few
# hundred sections each its own document, every TENTH section is held out as well.
HELD_OUT_BOOKS = (
    "The Adventures of Sherlock Holmes",
    "The Time Machine",
    "The War of the Worlds",
)
HELD_OUT_SECTIONS = 10


@dataclass(frozen=True)
class Stage:
    """Sizes of the model, of a batch and of one stage of the training."""

    # The model: GPT-2's own field names.
    n_layer: int = 12
    n_embd: int = 256
    n_head: int = 4
    n_positions: int = 512
    vocab_size: int = 8000
    dropout: float = 0.05
    # One batch: windows of running text (next-token loss alone) and groups of
    # neighbouring texts (both losses), some 40,000 tokens.
    windows: int = 48
    groups: int = 48
    group_size: int = 4
    max_text_tokens: int = 256
    # The optimizer.
    steps: int = 2000
    warmup_steps: int = 100
    learning_rate: float = 2e-3
    weight_decay: float = 0.1
    # Weights of the embedding losses beside the next-token loss, in nats.
    direction_weight: float = 5.0
    similarity_weight: float = 2.0
    # The teacher's directions are measured on this many texts before the first step.
    direction_texts: int = 20_000
    checkpoint_steps: int = 200


TINY = Stage(
    n_layer=3,
    n_embd=32,
    n_head=2,
    n_positions=64,
    vocab_size=400,
    windows=2,
    groups=2,
    max_text_tokens=48,
    steps=6,
    warmup_steps=2,
    learning_rate=3e-3,
    direction_texts=64,
    checkpoint_steps=2,
)

# A later stage begins with the weights of the one before and a new optimizer.
RECIPES: dict[str, tuple[Stage, ...]] = {
    # One data-centre GPU. The first stage learns the embedding; the second, with more
    # weight on the next token, keeps it while the text gets better.
    "gpu": (
        Stage(),
        Stage(
            steps=1300,
            learning_rate=1.5e-3,
            direction_weight=2.0,
            similarity_weight=1.0,
        ),
    ),
    # A few seconds on a CPU: what the tests run.
    "tiny": (TINY, TINY),
}
