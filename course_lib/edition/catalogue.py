"""The explorers that the edition records, by name, in the order of the chapters."""

from course_lib.explorers.amortisation import AmortisedInference
from course_lib.explorers.divergence import PosteriorGap
from course_lib.explorers.encoder_and_decoder import LatentWalk
from course_lib.explorers.evidence import EvidenceNeedle
from course_lib.explorers.hvae_elbo import ChainBound
from course_lib.explorers.hvae_structure import ChainOfLatents
from course_lib.explorers.jensen import GradientAscent, LogWeights, ModelAscent
from course_lib.explorers.markov_hvae import DepthAgainstOneLayer
from course_lib.explorers.minibatch import DatasetFunnel
from course_lib.explorers.own_q import OwnQ
from course_lib.explorers.posterior import PosteriorExplorer
from course_lib.explorers.posterior_point import PosteriorPoint
from course_lib.explorers.rate_distortion import RateDistortionTrade
from course_lib.explorers.reparameterization import GradientNoise
from course_lib.explorers.stage import Explorer
from course_lib.explorers.swelling_codes import SwellingCodes
from course_lib.explorers.weighted_objective import WeightedObjective

EXPLORERS: dict[str, type[Explorer]] = {
    kind.__name__: kind
    for kind in (
        EvidenceNeedle,
        PosteriorPoint,
        PosteriorExplorer,
        LogWeights,
        GradientAscent,
        ModelAscent,
        PosteriorGap,
        SwellingCodes,
        RateDistortionTrade,
        WeightedObjective,
        AmortisedInference,
        OwnQ,
        LatentWalk,
        GradientNoise,
        DatasetFunnel,
        ChainOfLatents,
        DepthAgainstOneLayer,
        ChainBound,
    )
}
