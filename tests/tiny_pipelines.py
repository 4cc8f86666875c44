"""Diffusion pipelines of a few thousand random weights, with the parts that the published ones have."""

from pathlib import Path

import torch


def tokenizer():
    """Reads letters; as many tokens as the published ones at most."""
    from transformers import CLIPTokenizer

    letters = [chr(code) for code in range(33, 127)]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={word: i for i, word in enumerate(words)}, merges=[], model_max_length=300)


def text_encoder(tokens: int, kind: str = "CLIPTextModel"):
    import transformers

    config = transformers.CLIPTextConfig(
        bos_token_id=tokens - 2, eos_token_id=tokens - 1, pad_token_id=tokens - 1, hidden_size=32,
        intermediate_size=37, num_attention_heads=4, num_hidden_layers=2, vocab_size=tokens,
        max_position_embeddings=300, projection_dim=32,
    )  # fmt: skip
    return getattr(transformers, kind)(config).eval()


def autoencoder():
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=[8] * 4, norm_num_groups=4, layers_per_block=1, latent_channels=4,
        down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4,
    )  # fmt: skip


def unet(**facts):
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        **{
            "block_out_channels": (8, 16), "layers_per_block": 1, "sample_size": 64, "in_channels": 9,
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"), "norm_num_groups": 4,
            "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"), "attention_head_dim": 4,
            "cross_attention_dim": 32,
        } | facts
    )  # fmt: skip


def safety_checker(flags_all: bool):
    """Holds every picture back, or none: the limits that the published one has are weights."""
    from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
    from transformers import CLIPConfig

    sizes = {"hidden_size": 32, "intermediate_size": 37, "num_attention_heads": 4, "num_hidden_layers": 1}
    config = CLIPConfig(
        vision_config=sizes | {"image_size": 32, "patch_size": 16}, text_config=sizes, projection_dim=32
    )
    checker = StableDiffusionSafetyChecker(config).eval()
    checker.concept_embeds_weights.fill_(-2.0 if flags_all else 2.0)
    checker.special_care_embeds_weights.fill_(2.0)
    return checker


def save_stable_diffusion(folder: Path, *, flags_all: bool | None = None, **facts) -> Path:
    """Saves one for inpainting; flags_all: what its safety checker does, None = it has none."""
    from diffusers import PNDMScheduler, StableDiffusionInpaintPipeline
    from transformers import CLIPImageProcessor

    with torch.random.fork_rng():
        torch.manual_seed(0)
        words = tokenizer()
        checker = None if flags_all is None else safety_checker(flags_all)
        size = {"height": 32, "width": 32}
        extractor = (
            None if checker is None else CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=size)
        )
        pipeline = StableDiffusionInpaintPipeline(
            vae=autoencoder(), text_encoder=text_encoder(len(words)), tokenizer=words, unet=unet(**facts),
            scheduler=PNDMScheduler(skip_prk_steps=True), safety_checker=checker,
            feature_extractor=extractor, requires_safety_checker=checker is not None,
        )  # fmt: skip
    pipeline.save_pretrained(folder)
    return folder


def save_sdxl(folder: Path) -> Path:
    """Saves a Stable Diffusion XL for inpainting."""
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLInpaintPipeline

    with torch.random.fork_rng():
        torch.manual_seed(0)
        words = tokenizer()
        pipeline = StableDiffusionXLInpaintPipeline(
            vae=autoencoder(), tokenizer=words, tokenizer_2=words,
            text_encoder=text_encoder(len(words)),
            text_encoder_2=text_encoder(len(words), "CLIPTextModelWithProjection"),
            unet=unet(
                cross_attention_dim=64, attention_head_dim=(2, 4), use_linear_projection=True,
                addition_embed_type="text_time", addition_time_embed_dim=8,
                transformer_layers_per_block=(1, 2), projection_class_embeddings_input_dim=80,
            ),
            scheduler=EulerDiscreteScheduler(),
        )  # fmt: skip
    pipeline.save_pretrained(folder)
    return folder
