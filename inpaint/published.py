"""The published weights of the fills: where they are and on what terms."""

from pathlib import Path

from _removal_support.pretrained import PretrainedWeights

TITLES = {
    "deepfillv2": "DeepFillv2",
    "deepfillv1": "DeepFillv1",
    "glcic": "GLCIC",
    "context-encoder": "context encoder",
    "autoencoder": "autoencoder",
}
"""How the networks are called in sentences, by the names that `--inpainter` takes."""
_OPENMMLAB = "https://download.openmmlab.com/mmediting/inpainting/"
_INPUT_CONTRACT = "float32 (N, 3, H, W) RGB in [-1, 1], masks (N, 1, H, W) 1 = hole, trained at 256 px"


def _openmmlab(
    name: str, network: str, stem: str, sha256_prefix: str, *, trained_on: str, folder: str = ""
) -> PretrainedWeights:
    file_name = f"{stem}-{sha256_prefix}.pth"
    return PretrainedWeights(
        name=name,
        file_name=file_name,
        url=f"{_OPENMMLAB}{folder or network}/{file_name}",
        sha256_prefix=sha256_prefix,
        licence="Apache-2.0 repository",
        architecture=f"{TITLES[network]}, layout mmagic",
        trained_on=trained_on,
        input_contract=_INPUT_CONTRACT,
    )


def _drive(name: str, drive_id: str) -> PretrainedWeights:
    """`name` as published: states_FRAMEWORK_DATA."""
    _, framework, data = name.split("_")
    return PretrainedWeights(
        name=f"deepfillv2-{framework}-{data}",
        file_name=f"{name}.pth",
        url=f"https://drive.google.com/file/d/{drive_id}/view",
        sha256_prefix=None,
        licence="converted from originals under CC BY-NC 4.0: no commercial use",
        architecture=f"DeepFillv2, layout nipponjo_{framework}",
        trained_on={"places2": "Places2", "celebahq": "CelebA-HQ"}[data],
        input_contract=_INPUT_CONTRACT,
        by_hand=True,
    )


RECORDS = (
    _openmmlab(
        "deepfillv2-places",
        "deepfillv2",
        "deepfillv2_256x256_8x2_places_20200619",
        "10d15793",
        trained_on="Places365",
    ),
    _openmmlab(
        "deepfillv2-celeba",
        "deepfillv2",
        "deepfillv2_256x256_8x2_celeba_20200619",
        "c96e5f12",
        trained_on="CelebA-HQ",
    ),
    _drive("states_pt_places2", "1L63oBNVgz7xSb_3hGbUdkYW1IuRgMkCa"),
    _drive("states_tf_places2", "1tvdQRmkphJK7FYveNAKSMWC6K09hJoyt"),
    _drive("states_pt_celebahq", "17oJ1dJ9O3hkl2pnl8l2PtNVf2WhSDtB7"),
    _drive("states_tf_celebahq", "1fTQVSKWwWcKYnmeemxKWImhVtFQpESmm"),
    _openmmlab(
        "deepfillv1-places",
        "deepfillv1",
        "deepfillv1_256x256_8x2_places_20200619",
        "c00a0e21",
        trained_on="Places365",
    ),
    _openmmlab(
        "glcic-places",
        "glcic",
        "gl_256x256_8x12_places_20200619",
        "52a040a8",
        trained_on="Places365",
        folder="global_local",
    ),
)
PUBLISHED = {record.name: record for record in RECORDS}
DEFAULTS = {"deepfillv2": "deepfillv2-places", "deepfillv1": "deepfillv1-places", "glcic": "glcic-places"}
"""Network -> the weights that it runs with where none are given; the others have none published."""


def record_of(path: Path) -> PretrainedWeights | None:
    """The record of the published file of this name, if there is one."""
    return next((record for record in RECORDS if record.file_name == path.name), None)
