"""The verdict's calibration, in full: false flags, coverage, power, neutrality and looks, case by case."""
