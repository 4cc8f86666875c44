import pytest

from removal.errors import PlanError
from removal.evaluation.methods import Method, check_methods, methods_of, slug_of


def test_names_weights_and_labels():
    assert methods_of(["telea", "glcic=a/b.pth", "mine:glcic=runs/x=1:2.pth"]) == (
        Method("telea", "telea"),
        Method("glcic", "glcic", "a/b.pth"),
        Method("mine", "glcic", "runs/x=1:2.pth"),
    )
    published, file = methods_of(["deepfillv2=deepfillv2-celeba", "deepfillv2=w.pth"])
    assert (published.label, file.label) == ("deepfillv2 deepfillv2-celeba", "deepfillv2 w")


def test_one_name_with_several_weights_is_told_apart_by_their_files():
    methods = methods_of(["glcic", "glcic=runs/a/weights.pth", "glcic=runs/b/weights.pth"])
    assert [method.label for method in methods] == ["glcic", "glcic a/weights", "glcic b/weights"]
    assert [slug_of(method.label) for method in methods] == ["glcic", "glcic-a-weights", "glcic-b-weights"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["telea", "telea"], "'telea' comes twice"),
        (["glcic=x/a/w.pth", "glcic=y/a/w.pth"], "LABEL:NAME=WEIGHTS"),
        (["a b:telea", "a-b:exemplar"], "comes twice"),  # they would share a folder
        (["...:telea"], "letters or digits"),
        (["glcic="], "NAME"),
        (["=w.pth"], "NAME"),
        (["mine:"], "NAME"),
    ],
)
def test_what_cannot_be_told_apart_or_read_is_refused(words, message):
    with pytest.raises(PlanError, match=message):
        methods_of(words)


def test_names_are_checked():
    check_methods(methods_of(["telea", "glcic=w.pth"]), "NAME")
    with pytest.raises(PlanError, match=r"^expected one of auto, .*glcic.*, got 'magic'") as error:
        check_methods(methods_of(["magic"]), "NAME")
    assert error.value.option == "NAME"
    with pytest.raises(PlanError, match=r"telea has no weights, got 'w\.pth'"):
        check_methods(methods_of(["telea=w.pth"]), "NAME")
