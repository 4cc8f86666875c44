import sys

import numpy as np
import pytest

from removal.evaluation.classwise import unpaired_discriminative_score
from removal.evaluation.environment import evaluation_module


def test_a_module_that_is_there_is_given():
    import sklearn.svm

    assert evaluation_module("sklearn.svm") is sklearn.svm


def test_one_that_is_missing_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.delitem(sys.modules, "sklearn.svm", raising=False)
    features = np.eye(4)
    with pytest.raises(ModuleNotFoundError, match=r"needs sklearn.*: pip install 'removal\[evaluation\]'"):
        unpaired_discriminative_score(features, features)
