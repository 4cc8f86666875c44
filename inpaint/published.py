"""The published weights of the networks of `inpaint.formats`: where they are and on what terms."""

from pathlib import Path

from _removal_support.pretrained import PretrainedWeights

_OPENMMLAB = "https://download.openmmlab.com/mmediting/inpainting/"
_INPUT_CONTRACT = "float32 (N, 3, H, W) RGB in [-1, 1], masks (N, 1, H, W) 1 = hole, trained at 256 px"


def _openmmlab(
    name: str, title: str, stem: str, sha256_prefix: str, *, trained_on: str, folder: str
) -> PretrainedWeights:
    file_name = f"{stem}-{sha256_prefix}.pth"
    return PretrainedWeights(
        name=name,
        file_name=file_name,
        url=f"{_OPENMMLAB}{folder}/{file_name}",
        sha256_prefix=sha256_prefix,
        licence="Apache-2.0 repository",
        architecture=f"{title}, layout mmagic",
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


DEEPFILLV2 = (
    _openmmlab(
        "deepfillv2-places",
        "DeepFillv2",
        "deepfillv2_256x256_8x2_places_20200619",
        "10d15793",
        trained_on="Places365",
        folder="deepfillv2",
    ),
    _openmmlab(
        "deepfillv2-celeba",
        "DeepFillv2",
        "deepfillv2_256x256_8x2_celeba_20200619",
        "c96e5f12",
        trained_on="CelebA-HQ",
        folder="deepfillv2",
    ),
    _drive("states_pt_places2", "1L63oBNVgz7xSb_3hGbUdkYW1IuRgMkCa"),
    _drive("states_tf_places2", "1tvdQRmkphJK7FYveNAKSMWC6K09hJoyt"),
    _drive("states_pt_celebahq", "17oJ1dJ9O3hkl2pnl8l2PtNVf2WhSDtB7"),
    _drive("states_tf_celebahq", "1fTQVSKWwWcKYnmeemxKWImhVtFQpESmm"),
)
DEEPFILLV1 = (
    _openmmlab(
        "deepfillv1-places",
        "DeepFillv1",
        "deepfillv1_256x256_8x2_places_20200619",
        "c00a0e21",
        trained_on="Places365",
        folder="deepfillv1",
    ),
)
GLCIC = (
    _openmmlab(
        "glcic-places",
        "GLCIC",
        "gl_256x256_8x12_places_20200619",
        "52a040a8",
        trained_on="Places365",
        folder="global_local",
    ),
)
RECORDS = (*DEEPFILLV2, *DEEPFILLV1, *GLCIC)


def record_of(path: Path) -> PretrainedWeights | None:
    """The record of the published file of this name, if there is one."""
    return next((known for known in RECORDS if known.file_name == path.name), None)
