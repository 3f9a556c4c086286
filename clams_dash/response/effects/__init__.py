"""The learner behind the predictions, for any table: arms, features, one outcome."""
