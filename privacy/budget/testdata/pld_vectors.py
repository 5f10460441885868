"""Writes pld_vectors.json: compositions and their epsilons by Google's dp-accounting.

    python -m venv v && v/bin/pip install dp-accounting==0.6.0 numpy==2.4.6 scipy==1.17.1
    v/bin/python pld_vectors.py > pld_vectors.json

Each vector is {"interval", "parts": [[kind, parameters..., times], ...], "epsilons": [[delta, epsilon], ...]}. A kind is
gaussian or laplace (noise multiplier), discrete_gaussian or discrete_laplace (sigma or scale, sensitivity), or selection
(epsilon in 1e-9, delta in 1e-18). Delta is in 1e-18, epsilon a float, null where no finite one exists.

All parts use Connect the Dots, as the Go code does. A selection is what from_privacy_parameters makes, its epsilon being
a multiple of the interval, without the division whose rounding would move it one interval up.
"""
import importlib.metadata
import json
import math
import random

from dp_accounting.pld import privacy_loss_distribution as pld

assert importlib.metadata.version("dp-accounting") == "0.6.0"
COUNT, SEED = 126, 20261124
DELTAS = [10**14, 10**10, 10**6]  # 1e-4, 1e-8, 1e-12
TAIL = 1e-20  # what a composition may truncate; the library's 1e-15 would show at 1e-12


def draw(rng):
    """Returns a part without its times, and the variance of its loss."""
    kind = rng.choice(["gaussian", "laplace", "discrete_gaussian", "discrete_laplace", "selection"])
    multiplier = float("%.4g" % math.exp(rng.uniform(math.log(0.5), math.log(100))))
    if kind in ("gaussian", "laplace"):
        return [kind, multiplier], 1 / multiplier**2
    if kind == "selection":
        epsilon = rng.randrange(1, 101) * 10**7  # 0.01 to 1
        delta = rng.choice([0, 1, 10**3, 10**5, 10**7])
        return [kind, epsilon, delta], (epsilon / 1e9) ** 2
    sensitivity = rng.randrange(1, 4)
    return [kind, float("%.4g" % (multiplier * sensitivity)), sensitivity], 1 / multiplier**2


def composition(rng, parts):
    """Returns parts of 1 to a few hundred runs together, and an interval that suits them."""
    drawn, variance = [], 0
    for _ in range(parts):
        part, v = draw(rng)
        times = rng.choice([1, 1, 2, 7, 30, 60])
        drawn.append(part + [times])
        variance += times * v
    return drawn, 2e-4 if variance < 0.05 else 1e-3 if variance < 5 else 5e-3 if variance < 50 else 1e-2


def make(part, interval):
    kind, rest = part[0], part[1:-1]
    options = dict(value_discretization_interval=interval, use_connect_dots=True)
    if kind == "gaussian":
        return pld.from_gaussian_mechanism(rest[0], **options)
    if kind == "laplace":
        return pld.from_laplace_mechanism(rest[0], **options)
    if kind == "discrete_gaussian":
        return pld.from_discrete_gaussian_mechanism(rest[0], rest[1], **options)
    if kind == "discrete_laplace":
        return pld.from_discrete_laplace_mechanism(1 / rest[0], rest[1], **options)
    epsilon, delta = rest[0] / 1e9, rest[1] / 1e18
    steps = round(epsilon / interval)
    masses = {steps: (1 - delta) / (1 + math.exp(-epsilon)), -steps: (1 - delta) / (1 + math.exp(epsilon))}
    return pld.PrivacyLossDistribution.create_from_rounded_probability(masses, delta, interval)


def vector(rng, parts):
    drawn, interval = composition(rng, parts)
    whole = None
    for part in drawn:
        one = make(part, interval)
        if part[-1] > 1:
            one = one.self_compose(part[-1], tail_mass_truncation=TAIL)
        whole = one if whole is None else whole.compose(one, tail_mass_truncation=TAIL)
    epsilons = []
    for delta in DELTAS:
        epsilon = whole.get_epsilon_for_delta(delta / 1e18)
        epsilons.append([delta, epsilon if math.isfinite(epsilon) else None])
    return {"interval": interval, "parts": drawn, "epsilons": epsilons}


def main():
    rng = random.Random(SEED)
    vectors = [vector(rng, 1 + i % 7) for i in range(COUNT)]
    print("[\n" + ",\n".join(json.dumps(v) for v in vectors) + "\n]")


main()
