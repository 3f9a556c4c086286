"""How strong something unrecorded would have to be to explain a difference away: the E-value."""

from __future__ import annotations

import math


def e_value(risk: float, reference: float, low: float, high: float) -> float:
    """E-value of the interval limit of ``risk - reference`` that is nearest to no difference.

    The least risk ratio by which an unrecorded trait would have to go along both with the choice of therapy and with
    the outcome, beyond what is recorded, for the interval to reach zero; 1 = it does so already (VanderWeele and Ding
    2017, doi 10.7326/M16-2607). Risks or means of the same outcome; ``reference`` must be positive.
    """
    if low <= 0.0 <= high:
        return 1.0
    nearest = high if risk < reference else low
    ratio = (reference + nearest) / reference
    if ratio <= 0.0:
        return math.inf
    larger = ratio if ratio >= 1.0 else 1.0 / ratio
    return larger + math.sqrt(larger * (larger - 1.0))
