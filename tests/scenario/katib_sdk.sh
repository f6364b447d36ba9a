# Katib's unmodified SDK against `dozan serve`. DOZAN_KATIB_PYTHON is a Python that has kubeflow-katib: `sh tests/run.sh
# sdk` makes one.
. "$DOZAN_SOURCE/tests/scenario/lib/serve.sh"
[ -n "${DOZAN_KATIB_PYTHON:-}" ] || { echo "there is no Python with kubeflow-katib: sh tests/run.sh sdk"; exit 77; }
serve --grpc 127.0.0.1:0
wait_until grep -q 'gRPC at' log
manager=$(sed -n 's#.*gRPC at \([0-9.:]*\).*#\1#p' log | head -n 1)
"$DOZAN_KATIB_PYTHON" "$DOZAN_SOURCE/tests/scenario/katib_sdk/methods.py" "$kubeconfig" "$manager"
stop_serving
