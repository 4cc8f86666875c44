from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from inpaint.training.state import STATE, RunningAverage, load_state, save_state

CONFIG = {"network": "deepfillv2", "batch": 2, "betas": [0.5, 0.9], "shapes": None}


def average_of(weight: float, decay: float) -> RunningAverage:
    networks = [nn.Linear(1, 1, bias=False) for _ in range(2)]
    for network in networks:
        nn.init.constant_(network.weight, weight)
    return RunningAverage(*networks, decay)


def parts_of(seed: int) -> dict[str, Any]:
    """A network that has taken two steps, its optimiser, its average, and no critic."""
    rng = torch.Generator().manual_seed(seed)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    shadow = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    for parameter in network.parameters():
        nn.init.normal_(parameter, generator=rng)
    average = RunningAverage(network, shadow, 0.9)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        network(torch.rand((5, 3), generator=rng)).square().sum().backward()
        optimiser.step()
        average.update()
    return {"network": network, "optimiser": optimiser, "average": average, "critic": None}


def flat(value: Any) -> list[Any]:
    """All that a nested state holds, tensors as lists."""
    if isinstance(value, dict):
        return [part for key in value for part in (key, *flat(value[key]))]
    if isinstance(value, list | tuple):
        return [part for entry in value for part in flat(entry)]
    return [value.tolist() if isinstance(value, torch.Tensor) else value]


def test_average_by_hand() -> None:
    average = average_of(0.0, decay=0.2)
    network, shadow = average.network, average.shadow
    found = []
    for weight in (1.0, 2.0, 3.0):
        nn.init.constant_(network.weight, weight)
        average.update()
        found.append(float(shadow.weight))
    first = 1 * 9 / 11  # decay 2 / 11, less than asked for: the fresh weights are forgotten
    second = first * 0.2 + 2 * 0.8  # 3 / 12 would be more than asked for
    assert found == pytest.approx([first, second, second * 0.2 + 3 * 0.8])


def test_a_long_average_starts_as_a_short_one() -> None:
    average = average_of(0.0, decay=0.999)
    nn.init.constant_(average.network.weight, 1.0)
    found = []
    for _ in range(2):
        average.update()
        found.append(float(average.shadow.weight))
    assert found == pytest.approx([9 / 11, 9 / 11 * 3 / 12 + 9 / 12])


def test_running_statistics_go_with_the_weights_and_counters_are_copied() -> None:
    network, shadow = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    average = RunningAverage(network, shadow, 0.9)
    network(torch.tensor([[1.0, 2.0], [3.0, 6.0]]))
    average.update()
    assert float(network.running_mean[0]) == pytest.approx(0.2)
    assert float(shadow.running_mean[0]) == pytest.approx(0.2 * 9 / 11)  # as the weights are averaged
    assert int(shadow.num_batches_tracked) == 1


def test_shadow_does_not_learn() -> None:
    shadow = average_of(0.0, 0.9).shadow
    assert not shadow.training
    assert not any(parameter.requires_grad for parameter in shadow.parameters())


def test_state_comes_back_as_it_was(tmp_path: Path) -> None:
    saved, fresh = parts_of(1), parts_of(2)
    save_state(tmp_path, saved, step=17, config=CONFIG)
    assert load_state(tmp_path, fresh, CONFIG) == 17
    for name in ("network", "optimiser", "average"):
        assert flat(fresh[name].state_dict()) == flat(saved[name].state_dict())
    assert fresh["average"].updates == 2


def test_saving_again_replaces_and_leaves_nothing_beside(tmp_path: Path) -> None:
    for step in (1, 2):
        save_state(tmp_path, parts_of(1), step=step, config=CONFIG)
    assert load_state(tmp_path, parts_of(2), CONFIG) == 2
    assert [path.name for path in tmp_path.iterdir()] == [STATE]


def test_nothing_to_go_on_from(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"holds no state\.pt"):
        load_state(tmp_path, parts_of(1), CONFIG)


@pytest.mark.parametrize("damage", ["cut off", "garbage", "empty", "another file"])
def test_damaged_state_is_refused_by_name(tmp_path: Path, damage: str) -> None:
    path = save_state(tmp_path, parts_of(1), step=1, config=CONFIG)
    whole = path.read_bytes()
    if damage == "another file":
        torch.save({"weights": torch.zeros(2)}, path)
    else:
        path.write_bytes({"cut off": whole[: len(whole) // 2], "garbage": b"\x80state", "empty": b""}[damage])
    with pytest.raises(ValueError, match=r"state\.pt is no state of a training run"):
        load_state(tmp_path, parts_of(1), CONFIG)


def test_a_state_may_not_run_code(tmp_path: Path) -> None:
    torch.save({"step": 1, "config": Path("/"), "parts": {}}, tmp_path / STATE)
    with pytest.raises(ValueError, match="is no state of a training run"):
        load_state(tmp_path, parts_of(1), CONFIG)


def test_what_was_told_otherwise_is_named(tmp_path: Path) -> None:
    save_state(tmp_path, parts_of(1), step=1, config=CONFIG)
    told = {"network": "deepfillv2", "batch": 4, "betas": [0.5, 0.9], "shapes": None, "ema": 0.5}
    before = flat(parts_of(2)["network"].state_dict())
    parts = parts_of(2)
    with pytest.raises(ValueError, match=r"batch 2 there and 4 now, ema None there and 0\.5 now$"):
        load_state(tmp_path, parts, told)
    assert flat(parts["network"].state_dict()) == before


def test_states_of_other_parts_are_refused(tmp_path: Path) -> None:
    save_state(tmp_path, parts_of(1), step=1, config=CONFIG)
    parts = parts_of(2) | {"critic": nn.Linear(1, 1)}
    with pytest.raises(ValueError, match=r"expected states of \['average', 'critic', .*got"):
        load_state(tmp_path, parts, CONFIG)


def test_parts_of_another_shape_are_refused(tmp_path: Path) -> None:
    save_state(tmp_path, parts_of(1), step=1, config=CONFIG)
    parts = parts_of(2) | {"network": nn.Linear(3, 4)}
    with pytest.raises(ValueError, match=r"state\.pt does not fit the network of this run"):
        load_state(tmp_path, parts, CONFIG)
