"""The configuration of a model, and the scale of qualities.

`model_config` holds the one dataclass of sizes and choices, `checks` what these must fulfil, `presets` those with a
name, `files` reads one from JSON; `quality_scale` says what a quality of 1 to 100 asks of a model's rates. Everybody
above may import it, the first three from here; it imports nothing of the library.
"""

from cca_jax.config.files import read_config_file, resolve_config
from cca_jax.config.model_config import HYPER_STRIDE, LATENT_STRIDE, ModelConfig
from cca_jax.config.presets import PRESETS

__all__ = ["HYPER_STRIDE", "LATENT_STRIDE", "PRESETS", "ModelConfig", "read_config_file", "resolve_config"]
