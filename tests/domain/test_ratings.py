"""The cautious rating, number by number."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.domain.ratings import Rating, WeightedStars, cautious_stars, rate, weight_of_repeat, weight_of_reviewer

weights = st.sampled_from([1.0, 1 / 2, 1 / 3, 1 / 4])
reviews = st.lists(st.builds(WeightedStars, st.integers(1, 5), weights), min_size=1, max_size=40)


def of(*stars: int) -> list[WeightedStars]:
    return [WeightedStars(given, 1.0) for given in stars]


@pytest.mark.parametrize(
    ("stars", "rating"),
    [
        ((), Rating(0, 0, 0)),
        ((5,) * 5, Rating(5, 500, 433)),
        ((5,) * 4, Rating(4, 500, 420)),
        ((5,), Rating(1, 500, 300)),
        ((5,) * 10, Rating(10, 500, 463)),
        ((1,), Rating(1, 100, 100)),
        ((5, 5, 5, 5, 4), Rating(5, 480, 403)),
        ((4, 5), Rating(2, 450, 308)),
    ],
)
def test_the_rating_that_reviews_make(stars, rating):
    assert rate(of(*stars)) == rating


def test_five_perfect_reviews_of_five_customers_reach_the_badge_and_four_do_not():
    assert cautious_stars(of(5, 5, 5, 5, 5)) == pytest.approx(4 + 1 / 3)
    assert rate(of(5, 5, 5, 5, 5)).cautious_hundredths >= 430 > rate(of(5, 5, 5, 5)).cautious_hundredths


def test_a_perfect_rating_is_the_plain_fraction_of_the_wilson_bound():
    for count in range(1, 200):
        exact = 1 + 4 * Fraction(count, count + 1)  # with p = 1 and z = 1 the bound is n / (n + 1)
        assert cautious_stars(of(*[5] * count)) == pytest.approx(float(exact))


@pytest.mark.parametrize(("earlier", "weight"), [(0, 1), (1, 1 / 2), (2, 1 / 3), (9, 1 / 10)])
def test_the_same_customer_counts_less_each_time(earlier, weight):
    assert weight_of_repeat(earlier) == pytest.approx(weight)


@pytest.mark.parametrize(
    ("others_say", "suspended", "weight"),
    [(None, False, 1), (5.0, False, 1), (3.0, False, 1), (2.99, False, 1 / 2), (1.0, False, 1 / 2), (5.0, True, 0)],
)
def test_a_word_counts_by_the_standing_of_whoever_says_it(others_say, suspended, weight):
    assert weight_of_reviewer(others_say, suspended=suspended, fair_stars=3) == weight


def test_one_friendly_pair_cannot_make_a_badge():
    endless = [WeightedStars(5, weight_of_repeat(earlier)) for earlier in range(10)]
    assert rate(endless).cautious_hundredths < 430


def test_reviews_without_weight_say_nothing():
    assert rate([WeightedStars(5, 0.0)]) == Rating(1, 500, 100)


@given(reviews)
def test_the_cautious_rating_lies_between_one_and_the_weighted_mean(given_reviews):
    total = sum(review.weight for review in given_reviews)
    mean = sum(review.stars * review.weight for review in given_reviews) / total
    assert 1 - 1e-9 <= cautious_stars(given_reviews) <= mean + 1e-9


@given(reviews, st.data())
def test_a_better_review_never_makes_the_rating_worse(given_reviews, data):
    chosen = data.draw(st.integers(0, len(given_reviews) - 1))
    better = list(given_reviews)
    better[chosen] = WeightedStars(5, given_reviews[chosen].weight)
    assert cautious_stars(better) >= cautious_stars(given_reviews) - 1e-9


@given(reviews)
def test_the_order_of_the_reviews_does_not_matter(given_reviews):
    assert rate(given_reviews) == rate(given_reviews[::-1])
