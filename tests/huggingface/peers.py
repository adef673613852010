"""Our models as Hugging Face's, with the same weights: the peers that ours must equal."""

import transformers
from transformers import AutoConfig, PreTrainedModel

from src.config import ModelConfig
from src.huggingface.config import to_config
from src.huggingface.weights import to_tensors
from src.models import TransformerLM


def peer(model: TransformerLM, config: ModelConfig) -> PreTrainedModel:
    """Hugging Face's model of the same architecture, with the weights of ours."""
    content = to_config(config)
    (name,) = content["architectures"]
    theirs = getattr(transformers, name).from_pretrained(
        None,
        config=AutoConfig.for_model(**content),
        state_dict=to_tensors(model.state_dict(), config),
    )
    return theirs.eval()
