"""What the numbers of each explorer are, in words with their unit, by language.

The page's table of numbers says them; an explorer's own names for its numbers are code.
"""

_SHARE = "share of the pixels' variance that {} decides"
# Of the exact posterior, in both explorers of chapter 2.
_POSTERIOR = {
    "log_evidence": "log p(x), nats",
    "candidate_low": "log p(x, z) − log p(z|x), lowest over z, nats",
    "candidate_high": "log p(x, z) − log p(z|x), highest over z, nats",
    "posterior_mean": "mean of the exact posterior",
    "posterior_std": "standard deviation of the exact posterior",
    "modes": "modes of the exact posterior",
}

# By language, explorer and the explorer's name of the number.
NUMBERS: dict[str, dict[str, dict[str, str]]] = {
    "en": {
        "EvidenceNeedle": {
            "log_evidence": "log p(x), exact, nats",
            "median_estimate": "median of the estimates of log p(x), nats",
            "shortfall": "how far the median falls short, nats",
            "estimates": "how many estimates",
            "shell": "distance √d at which prior draws lie, in prior standard deviations",
            "distance": "distance of where p(x) comes from, in prior standard deviations",
            "width": "width of where p(x) comes from, in prior standard deviations",
            "best_angle": "angle of the best prior draw to the digit's direction, degrees",
        },
        "PosteriorPoint": {
            "log_likelihood": "log p(x|z) at the point, nats",
            "log_prior": "log p(z) at the point, nats",
            "log_posterior": "log p(z|x) at the point, nats",
            **_POSTERIOR,
        },
        "PosteriorExplorer": {
            **_POSTERIOR,
            "q_low": "log p(x, z) − log q(z), lowest at q's quantiles, nats",
            "q_high": "log p(x, z) − log q(z), highest at q's quantiles, nats",
            "q_middle": "log p(x, z) − log q(z) at q's mean, nats",
            "q_average": "log p(x, z) − log q(z), average over q, nats",
            "short": "how far that average is below log p(x), nats",
        },
        "LogWeights": {
            "log_evidence": "log p(x), nats",
            "elbo": "ELBO, the mean of the log-weight, nats",
            "gap": "gap, log p(x) − ELBO, nats",
            "lowest": "lowest log-weight within μ ± 2σ, nats",
            "highest": "highest log-weight within μ ± 2σ, nats",
        },
        "GradientAscent": {
            "mean": "mean of q, μ",
            "std": "standard deviation of q, σ",
            "log_evidence": "log p(x), nats",
            "elbo": "ELBO, nats",
            "gap": "gap, log p(x) − ELBO, nats",
            "spread": "standard deviation of the log-weight under q, nats",
        },
        "ModelAscent": {
            "log_evidence": "log p(x), mean over the data, nats",
            "elbo": "ELBO, mean over the data, nats",
            "gap": "gap, log p(x) − ELBO, mean over the data, nats",
            "a": "a of the decoder's mean a tanh(bz) + c",
            "b": "b of the decoder's mean a tanh(bz) + c",
            "c": "c of the decoder's mean a tanh(bz) + c",
            "s": "standard deviation s of the decoder",
        },
        "PosteriorGap": {
            "log_evidence": "log p(x), nats",
            "elbo": "ELBO, nats",
            "gap": "KL(q ‖ posterior), the gap, nats",
            "prior_kl": "KL(q ‖ prior), in the ELBO, nats",
            "turned_round": "KL(posterior ‖ q), turned round, nats",
        },
        "SwellingCodes": {
            "rate": "rate R of this image, KL(q ‖ prior), nats",
            "mean_rate": "rate R, mean over the data, nats",
            "width": "width of the codes along the first latent",
            "error": "squared error of what comes back, ink²",
            "alive": "latents in use, of 20",
        },
        "RateDistortionTrade": {
            "rate": "rate R, mean over the data, nats",
            "distortion": "distortion D, mean over the data, nats",
            "elbo": "ELBO, mean over the data, nats",
            "mutual_information": "information I(x; z), nats",
            "aggregate_kl": "KL(aggregate ‖ prior), nats",
        },
        "WeightedObjective": {
            "image_rate": "KL(q ‖ prior) of this image, nats",
            "log_evidence": "log p(x) of this image, nats",
            "image_elbo": "ELBO of this image, nats",
            "objective": "reconstruction − β KL of this image, nats",
            "gap": "KL(q ‖ posterior) of this image, nats",
        },
        "AmortisedInference": {
            "log_evidence": "log p(x), nats",
            "best_elbo": "ELBO of the best q of the family, nats",
            "elbo": "ELBO of the encoder's q, nats",
            "approximation": "lost to the shape of the family, nats",
            "amortisation": "lost to the shared encoder, nats",
            "mean_amortisation": "lost to the shared encoder, average over x, nats",
            "posterior_std_1": "standard deviation of the posterior, z₁",
            "posterior_std_2": "standard deviation of the posterior, z₂",
            "q_std_1": "standard deviation of the best q, z₁",
            "q_std_2": "standard deviation of the best q, z₂",
        },
        "OwnQ": {
            "log_evidence": "log p(x), nats",
            "elbo": "ELBO, nats",
            "gap": "KL(q ‖ posterior), the gap, nats",
            "mean_1": "mean of q, z₁",
            "mean_2": "mean of q, z₂",
            "std_1": "standard deviation of q, z₁",
            "std_2": "standard deviation of q, z₂",
            "away": "the way of q's mean, in the encoder's σ",
        },
        "LatentWalk": {
            "log_evidence": "log p(x), nats",
            "elbo": "ELBO, nats",
            "gap": "KL(q ‖ posterior), the gap, nats",
            "reconstruction": "reconstruction, nats",
            "kl": "KL(q ‖ prior), nats",
            "log_likelihood": "log p(x|z) at the point, nats",
            "log_prior": "log p(z) at the point, nats",
            "log_posterior": "log p(z|x) at the point, nats",
            "q_mean_1": "mean of q, z₁",
            "q_mean_2": "mean of q, z₂",
            "q_std_1": "standard deviation of q, z₁",
            "q_std_2": "standard deviation of q, z₂",
            "posterior_mean_1": "mean of the posterior, z₁",
            "posterior_mean_2": "mean of the posterior, z₂",
            "posterior_std_1": "standard deviation of the posterior, z₁",
            "posterior_std_2": "standard deviation of the posterior, z₂",
        },
        "GradientNoise": {
            "gradient": "true gradient in μ",
            "pathwise_variance": "variance of one pathwise estimate",
            "score_variance": "variance of one score-function estimate",
            "worth": "score-function draws that one pathwise draw is worth",
            "pathwise_mean": "mean of the 4,000 pathwise estimates",
            "score_mean": "mean of the 4,000 score-function estimates",
        },
        "DatasetFunnel": {
            "exact": "ELBO of the data set, nats",
            "expected": "what is computed, on average, nats",
            "std": "its standard deviation, exact, nats",
            "shown": "what is computed from the batch that is inked, nats",
            "drawn_mean": "mean over the 400 batches drawn, nats",
            "drawn_std": "standard deviation over the 400 batches drawn, nats",
            "distinct": "different digits in the batch that is inked",
        },
        "ChainOfLatents": {
            "decided_3": _SHARE.format("z₃"),
            "decided_2": _SHARE.format("z₂"),
            "decided_1": _SHARE.format("z₁"),
            "decided_x": _SHARE.format("x"),
            "kept": "share that the kept ones decide together",
            "alike": "share of pairs within a row that show the same digit",
            "unrelated": "share of unrelated pairs that show the same digit",
        },
        "DepthAgainstOneLayer": {
            "skew": "skew of p(x)",
            "fit_skew": "skew of the best one-layer model",
            "kl": "KL(p ‖ best one layer), nats",
            "gaussian_kl": "KL(p ‖ best Gaussian), nats",
            "a": "a in the best one layer, a tanh(bz + d) + c",
            "b": "b in the best one layer, its bend",
            "c": "c in the best one layer, its offset",
            "s": "s of the best one layer, the std of its noise",
            "d": "d in the best one layer, its inner offset",
        },
        "ChainBound": {
            "log_evidence": "log p(x), nats",
            "value": "sum of the blocks, nats",
            "elbo": "ELBO, nats",
            "error": "error, sum of the blocks − ELBO, nats",
            "gap": "gap, log p(x) − ELBO, nats",
            "entropy": "entropy of q's top layer given the one below, nats",
            "marginal_entropy": "entropy of q's top layer given x alone, nats",
            "model_0": "block of log p(x|z₁), nats",
            "model_1": "block of the model's log p of z₁, nats",
            "model_2": "block of the model's log p of z₂, nats",
            "model_3": "block of the model's log p of z₃, nats",
            "model_4": "block of the model's log p of z₄, nats",
            "model_5": "block of the model's log p of z₅, nats",
            "encoder_1": "block of −log q of z₁, nats",
            "encoder_2": "block of −log q of z₂, nats",
            "encoder_3": "block of −log q of z₃, nats",
            "encoder_4": "block of −log q of z₄, nats",
            "encoder_5": "block of −log q of z₅, nats",
        },
    }
}

# As a page's catalogue has them: number.PosteriorGap.gap.
NUMBER_WORDS = {
    language: {
        f"number.{explorer}.{name}": words
        for explorer, numbers in explorers.items()
        for name, words in numbers.items()
    }
    for language, explorers in NUMBERS.items()
}
