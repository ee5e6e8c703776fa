"""What a user sets, and the dated facts that settings are checked against: endpoints, their quotas, prices."""
