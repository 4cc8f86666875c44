"""How an exemplar fill runs."""

from dataclasses import dataclass, replace

from inpaint.inpainter import Effort, check_effort


@dataclass(frozen=True)
class ExemplarSettings:
    """How the completion runs; costs are sums of squared level differences over a 7 x 7 patch.

    Attributes:
        coarsest_hole_px: radius of the hole's largest inscribed circle at the coarsest level.
        coarse_rounds: rounds of search and vote at the coarsest level.
        fine_rounds: rounds at the others, plus one for each level below.
        sweeps: sweeps of the search in a round.
        bounded_targets: levels with more patches to fill than this get `bounded_rounds` and a search within
            `bounded_reach_px` of the sources handed down: large holes are completed at reduced size.
        bounded_rounds, bounded_reach_px: see there.
        texture_weight: cost of a texture difference of one level.
        near_weight: cost of a source one pixel farther away.
        coarse_bandwidth, fine_bandwidth: sharpness of the vote from the third level on and below it, as a
            share of the mean cost; small = sharp.
        confidence_decay: how much less a patch counts for each pixel farther inside the hole.
        guide_level: with a guide, the level that is taken from it as it is (2 = a quarter of the size).
        guide_bandwidth: sharpness of the last vote with a guide.
        line_weight: cost of a source one pixel off the line that goes on there, see `lines`; 0 = no lines.
        arcs: whether curved edges go on as arcs of circles and ellipses too, see `arcs`.
        hypotheses: so many ways to fill the coarse levels are grown, the odd ones from a level finer, and the
            cheapest is carried down; 1 without `shift_maps` = as earlier versions, from the coarsest.
        shift_maps: so many of them are put together from whole pieces, see `shift_maps`.
        pick_level: the level at which they are compared, a coarser one where the hole has more than
            `pick_px` pixels there.
        pick_px: see there.
        most_bias: a source may be brighter or darker by up to so many levels, in each channel; 0 = never.
        bias_cost: what a level of that costs, squared, of what it would cost as a difference.
        even_ground: whether what continues a smooth ground gets a smooth surface in place of patches.
        turned_px: turned and mirrored sources are taken where they are much cheaper than others even if they
            count as lying so many pixels away, see `turned`; 0 = never.
        planes: so many planes in perspective are filled where straight edges speak for them, see `planes`.
        palette_weight: cost of a source of a colour that the hole's border does not show, see `palette`; 0 =
            any colour may go anywhere.
    """

    coarsest_hole_px: float = 6.0
    coarse_rounds: int = 20
    fine_rounds: int = 5
    sweeps: int = 2
    bounded_targets: int = 100_000
    bounded_rounds: int = 2
    bounded_reach_px: int = 8
    texture_weight: float = 300.0
    near_weight: float = 300.0
    coarse_bandwidth: float = 3.0
    fine_bandwidth: float = 0.5
    confidence_decay: float = 0.5
    guide_level: int = 2
    guide_bandwidth: float = 0.15
    line_weight: float = 0.0
    arcs: bool = False
    hypotheses: int = 1
    shift_maps: int = 0
    pick_level: int = 2
    pick_px: int = 6000
    most_bias: float = 0.0
    bias_cost: float = 1.0
    even_ground: bool = False
    turned_px: float = 0.0
    planes: int = 0
    palette_weight: float = 0.0


FAST = ExemplarSettings()
NORMAL = ExemplarSettings(
    line_weight=20_000.0,
    arcs=True,
    hypotheses=1,
    shift_maps=2,
    most_bias=10.0,
    even_ground=True,
    palette_weight=10_000.0,
)
BEST = replace(NORMAL, hypotheses=6, planes=1, turned_px=20.0)
EFFORTS: dict[Effort, ExemplarSettings] = {"fast": FAST, "normal": NORMAL, "best": BEST}


def effort_in_words(effort: Effort) -> str:
    """What a description says of an effort, for records; empty where it fills as `fast` does, so that
    folders of versions that knew no other way can be finished.

    Raises:
        ValueError: there is no such effort.
    """
    check_effort(effort)
    return "" if EFFORTS[effort] == EFFORTS["fast"] else f", effort {effort}"
