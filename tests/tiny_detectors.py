"""Small RF-DETR-Seg and Mask2Former models with random weights, saved as the published ones are."""

from pathlib import Path

import torch

from segment.classes import coco_categories, coco_classes

SIDE_PX = 96
"""The networks see photos as squares of this side; their masks are a quarter of it."""


def save_rf_detr(folder: Path, *, named: bool = True, sure: str | None = None) -> None:
    """91 classes by COCO's category ids, with their names or with none. 20 queries.

    sure: the class that every query is sure of; their masks are random all the same.
    """
    from transformers import RfDetrConfig, RfDetrForInstanceSegmentation, RfDetrImageProcessor

    torch.manual_seed(0)
    backbone = {"model_type": "rf_detr_dinov2", "hidden_size": 32, "num_hidden_layers": 4}
    backbone |= {"num_attention_heads": 2, "image_size": SIDE_PX, "patch_size": 12, "num_windows": 2}
    config = RfDetrConfig(
        backbone_config=backbone | {"out_features": ["stage2", "stage4"]},
        d_model=32,
        num_queries=20,
        decoder_layers=2,
        decoder_self_attention_heads=2,
        decoder_cross_attention_heads=4,
        decoder_n_points=2,
        decoder_ffn_dim=32,
        group_detr=1,
        c2f_num_blocks=1,
        num_labels=91,
    )
    if named:
        config.id2label = dict(enumerate(coco_categories()))
    model = RfDetrForInstanceSegmentation(config)
    if sure is not None:
        torch.nn.init.constant_(model.model.class_embed.bias[coco_categories().index(sure)], 5.0)
    model.save_pretrained(folder)
    RfDetrImageProcessor(size={"height": SIDE_PX, "width": SIDE_PX}).save_pretrained(folder)


def save_mask2former(folder: Path, *, sure: str | None = None) -> None:
    """COCO's 80 classes in order, some by other words, as mmdetection has them. 12 queries."""
    from transformers import (
        Mask2FormerConfig,
        Mask2FormerForUniversalSegmentation,
        Mask2FormerImageProcessor,
        SwinConfig,
    )

    torch.manual_seed(0)
    backbone = SwinConfig(
        image_size=SIDE_PX,
        embed_dim=16,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 2, 2],
        window_size=4,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = Mask2FormerConfig(
        backbone_config=backbone,
        feature_size=32,
        mask_feature_size=32,
        hidden_dim=32,
        encoder_feedforward_dim=32,
        encoder_layers=1,
        decoder_layers=2,
        num_attention_heads=2,
        dim_feedforward=32,
        num_queries=12,
    )
    words = {"motorcycle": "motorbike", "tv": "tvmonitor", "couch": "sofa", "airplane": "aeroplane"}
    config.id2label = {number: words.get(name, name) for number, name in enumerate(coco_classes())}
    model = Mask2FormerForUniversalSegmentation(config)
    if sure is not None:
        torch.nn.init.constant_(model.class_predictor.bias[coco_classes().index(sure)], 12.0)
    model.save_pretrained(folder)
    Mask2FormerImageProcessor(size={"height": SIDE_PX, "width": SIDE_PX}).save_pretrained(folder)
