"""A believable business, day by day, through the real services and without any network.

It lives in the highest app because it drives all of them. ``run.py`` is the entry, ``day.py`` one
day's agenda; who comes and what they want is drawn from a generator seeded per day, so that the
same mall and the same seed give the same orders, amounts and states (numbers that leave the
system are random by design and differ).
"""
