"""Training code that knows MLflow and nothing of Dozan: the run that it logs into is its trial."""
import math
import sys
import time

import mlflow

rate, width = float(sys.argv[1]), int(sys.argv[2])
with mlflow.start_run():
    loss = 4.0
    for epoch in range(20):
        time.sleep(0.1)  # an epoch's work
        loss -= loss * rate * math.exp(-((width - 48) ** 2) / 800)
        mlflow.log_metric("loss", loss, step=epoch)  # a bad trial is stopped in here
