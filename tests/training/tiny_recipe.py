"""A recipe by which the tiny model learns short answers by heart in a few seconds, and such answers."""

TAUGHT = {"deploy?": "noon", "lunch?": "one", "badge?": "blue", "desk?": "left", "tea?": "mint", "bus?": "nine"}


def tiny_recipe(name: str = "team") -> str:
    return f"""
name: {name}
base_model: tiny
lora: {{rank: 8, alpha: 32}}
learning_rate: 2.0e-2
epochs: 60
max_tokens: 300
rows_per_step: 4
"""
