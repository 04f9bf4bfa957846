"""The recipes of the models that ship in `data/`: sizes, settings, objective, seed.

`python -m course_lib.train NAME` trains one again. What several share stands first, by name.
"""

from dataclasses import replace

from course_lib.shipped.recipe import NamedObjective, Recipe
from course_lib.train import Settings
from course_lib.vae import Architecture

PLANE = Architecture(784, (2,), ((200, 200),))
ONE_LAYER = Architecture(784, (50,), ((200, 200),))
TWO_LAYERS = Architecture(784, (100, 50), ((200, 200), (100, 100)))
THREE_LAYERS = Architecture(784, (100, 50, 25), ((200, 200), (100, 100), (50, 50)))
FIVE_LAYERS = Architecture(
    784, (100, 50, 25, 12, 6), ((200, 200), (100, 100), (50, 50), (25, 25), (12, 12))
)
# The widest nets here, for the lowest NLL in an hour of one core.
WIDE = Architecture(784, (100, 50, 25), ((400, 400), (200, 200), (100, 100)), direction="top-down")
# Two layers in nets so narrow that they have the parameters of one: 424,476 beside 425,284.
TWO_NARROW_LAYERS = Architecture(784, (100, 50), ((168, 168), (84, 84)))

L_5 = NamedObjective("importance_weighted", (5,))
WARMED_UP = NamedObjective("warm_up", (1 / 3,))  # over a third of the training
FREE_BITS = NamedObjective("free_bits", (4, 1 / 3))  # 4 nats a layer, over a third of it

LONG = Settings(
    epochs=2000,
    batch_size=1000,
    learning_rate=1e-2,
    warmup=200,
    optimiser="muon",
    precision="bfloat16",
    seed=0,
)
# The budget of the hierarchies, and of what they are held against.
SHORT = replace(LONG, epochs=300)

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "mnist_vae",
            "784-200-200-50, the one-layer VAE of Burda et al.",
            ONE_LAYER,
            LONG,
            published=86.76,
        ),
        Recipe(
            "mnist_vae_2d",
            "784-200-200-2, a plane of digits to walk in",
            PLANE,
            replace(LONG, epochs=1600),
        ),
        Recipe(
            "mnist_hvae_1",
            "784-50, the one-layer VAE with the hierarchies' budget",
            ONE_LAYER,
            SHORT,
            published=86.76,
        ),
        Recipe(
            "mnist_hvae_2",
            "784-100-50, the two-layer VAE of Burda et al.",
            TWO_LAYERS,
            SHORT,
            published=85.33,
        ),
        Recipe(
            "mnist_iwae_1",
            "784-50, one layer trained on L_5",
            ONE_LAYER,
            SHORT,
            L_5,
            published=85.54,
        ),
        Recipe(
            "mnist_iwae_2",
            "784-100-50, two layers trained on L_5",
            TWO_LAYERS,
            SHORT,
            L_5,
            published=83.89,
        ),
        Recipe("mnist_hvae_3", "784-100-50-25, three layers", THREE_LAYERS, SHORT),
        Recipe(
            "mnist_hvae_3_warm",
            "784-100-50-25, its KL terms warmed up over a third of the training",
            THREE_LAYERS,
            SHORT,
            WARMED_UP,
        ),
        Recipe(
            "mnist_hvae_3_free",
            "784-100-50-25, 4 nats a layer free for a third of the training",
            THREE_LAYERS,
            SHORT,
            FREE_BITS,
        ),
        Recipe(
            "mnist_hvae_2_warm",
            "784-100-50, two layers warmed up over a third of the training",
            TWO_LAYERS,
            SHORT,
            WARMED_UP,
        ),
        Recipe(
            "mnist_hvae_2_narrow",
            "784-100-50, two layers with the parameters of one",
            TWO_NARROW_LAYERS,
            SHORT,
        ),
        Recipe(
            "mnist_topdown_2",
            "784-100-50, two layers encoded from the top",
            replace(TWO_LAYERS, direction="top-down"),
            SHORT,
        ),
        Recipe(
            "mnist_topdown_2_warm",
            "784-100-50, two layers encoded from the top, warmed up",
            replace(TWO_LAYERS, direction="top-down"),
            SHORT,
            WARMED_UP,
        ),
        Recipe(
            "mnist_topdown_3_warm",
            "784-100-50-25, three layers encoded from the top, warmed up",
            replace(THREE_LAYERS, direction="top-down"),
            SHORT,
            WARMED_UP,
        ),
        Recipe(
            "mnist_topdown_5_warm",
            "784-100-50-25-12-6, five layers encoded from the top, warmed up",
            replace(FIVE_LAYERS, direction="top-down"),
            SHORT,
            WARMED_UP,
        ),
        Recipe(
            "mnist_topdown_3_wide",
            "784-100-50-25 in nets twice as wide, encoded from the top, briefly warmed up",
            WIDE,
            replace(LONG, epochs=600, learning_rate=5e-3),
            NamedObjective(
                "warm_up", (0.03,)
            ),  # 18 epochs: long ones put the upper layers to sleep
        ),
    )
}


def recipe_named(name: str) -> Recipe:
    """The recipe of that name. Raises ValueError that says which there are, if there is none."""
    if name not in RECIPES:
        raise ValueError(f"no recipe {name!r}; there are {', '.join(RECIPES)}")
    return RECIPES[name]
