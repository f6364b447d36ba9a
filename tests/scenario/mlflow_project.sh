# A folder with an MLproject is run as it is: the entry point's parameters are what is searched for, and a value that a
# shell would read arrives as it was written.
cp -r "$DOZAN_SOURCE/examples/mlflow-project" project
cat >project/MLproject <<'END'
entry_points:
  main:
    parameters: {rate: float, width: int, kind: string, epochs: {type: int, default: 3}}
    command: "echo \"kind={kind}\"; echo loss={rate}; echo {width} {epochs} >>seen"
END
sed -i 's/with bells & whistles/$(touch broken); `touch broken` \\"x/' project/experiment.yaml
status 0 dozan run project --set spec.maxTrialCount=6 -q
[ "$(wc -l <project/seen)" = 6 ] || fail "not six trials in the project's folder"
grep -q ' 10$' project/seen || fail "what project.parameters gives did not arrive"
[ ! -e project/broken ] || fail "a shell has read a value"
status 0 dozan get trials project -o csv
cat >project/MLproject <<'END'
entry_points: {main: {command: "echo {none}"}}
END
status 2 dozan validate project
err "has no value"
status 2 dozan validate "$DOZAN_SOURCE/tests"
