"""Figures made from reviews: the plain average and the cautious rating."""

from dataclasses import dataclass
from math import sqrt

Z = 1.0  # one standard deviation of caution, as the published rule of the Friend badge says


@dataclass(frozen=True)
class WeightedStars:
    """One review's stars (1 to 5) and how much its reviewer's word counts (0 to 1)."""

    stars: int
    weight: float


@dataclass(frozen=True)
class Rating:
    """How many reviews, their plain average and the cautious rating, both in hundredths of a star (0 when there is none)."""

    count: int
    average_hundredths: int
    cautious_hundredths: int


def rate(reviews: list[WeightedStars]) -> Rating:
    """The rating that a helper's or customer's visible reviews make."""
    if not reviews:
        return Rating(0, 0, 0)
    average = sum(review.stars for review in reviews) / len(reviews)
    return Rating(len(reviews), round(100 * average), int(100 * cautious_stars(reviews) + 1e-9))


def cautious_stars(reviews: list[WeightedStars]) -> float:
    """1 + 4 x the Wilson lower bound (z = 1) of the weighted mean of (stars - 1) / 4.

    Five of five perfect reviews of full weight give 4.33. Source: Wilson 1927, as the score of a badge in MISSION rule 11.
    """
    n = sum(review.weight for review in reviews)
    if n <= 0:
        return 1.0
    p = sum(review.weight * (review.stars - 1) / 4 for review in reviews) / n
    z2 = Z * Z
    bound = (p + z2 / (2 * n) - Z * sqrt(p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return 1 + 4 * bound


def weight_of_repeat(earlier: int) -> float:
    """How much a customer's word counts who reviewed the same helper `earlier` times before: 1, 1/2, 1/3 ...

    So that one friendly pair of accounts cannot make a badge by booking each other again and again.
    """
    return 1 / (1 + earlier)


def weight_of_reviewer(others_say: float | None, *, suspended: bool, fair_stars: float) -> float:
    """How much a reviewer's word counts by their own standing: half below `fair_stars`, nothing while suspended.

    `others_say` is the plain average of what people other than the one reviewed say of the reviewer; None when they say nothing.
    So the one reviewed has no way to make the word of somebody dissatisfied count less.
    """
    if suspended:
        return 0
    return 1 if others_say is None or others_say >= fair_stars else 1 / 2
