"""How long the model tests run: ``HYPOTHESIS_PROFILE=nightly`` takes 100,000 steps of each.

Otherwise some 2,000, and the same ones every time: ./run test gives the same answer twice. Nightly
runs look elsewhere each time, in parts, so that what a life leaves behind is swept up between.
"""

from hypothesis import HealthCheck, Phase, settings

STEPS = 50
NIGHTLY = settings.get_current_profile_name() == "nightly"
PARTS, LIVES = (20, 100) if NIGHTLY else (1, 40)


def model_settings() -> settings:
    return settings(
        max_examples=LIVES,
        stateful_step_count=STEPS,
        derandomize=not NIGHTLY,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
