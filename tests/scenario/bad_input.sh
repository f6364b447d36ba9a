# What is wrong with a file is told all at once, with line and path, and nothing else happens.
experiment bowl 6 2 "$bowl"
status 0 dozan validate bowl.yaml
out "bowl.yaml: valid: experiment bowl, random over 2 parameters"
status 0 dozan validate bowl.yaml -o yaml
out "resumePolicy: Never"
status 0 dozan validate bowl.yaml --set spec.algorithm.algorithmName=tpe -o json
json .spec.algorithm.algorithmName tpe
status 0 dozan validate - <bowl.yaml
out "standard input: valid"

sed -e 's/max: "1"/max: "-2"/' -e 's/type: minimize/type: smallest/' -e 's/parallelTrialCount: 2/parallelTrialCount: 0/' \
    bowl.yaml >bad.yaml
for command in validate run; do
    status 2 dozan $command bad.yaml
    no_out
    err "error: bad.yaml:6: spec.objective.type: "
    err "error: bad.yaml:8: spec.parallelTrialCount: "
    err "error: bad.yaml:12: spec.parameters[0].feasibleSpace.max: "
    [ "$(grep -c '^error: bad.yaml:' err)" = 3 ] || fail "not three errors"
done
[ ! -e dozan.db ] || fail "a refused file has made a database"

status 2 dozan validate bowl.yaml --set spec.algorithm.algorithmName=random-search
err "error: --set spec.algorithm.algorithmName: there is no algorithm"
status 2 dozan validate bowl.yaml --set 'spec.algorithm.algorithmSettings=[{name: gama, value: "1"}]' \
    --set spec.algorithm.algorithmName=tpe
err "error: --set spec.algorithm.algorithmSettings[0]: "
err "gama"
status 2 dozan run bowl.yaml --set spec.algorithm.algorithmName=random-search
status 2 dozan validate absent.yaml
err "error: absent.yaml: cannot be read: No such file or directory"
status 2 dozan validate .
err "error: .: cannot be read: Is a directory"
printf 'a: [1' >torn.yaml
status 2 dozan validate torn.yaml
err "error: torn.yaml:2:1: "
: >empty.yaml
status 2 dozan validate empty.yaml
head -c 5000000 /dev/zero | tr '\0' 'a' >large.yaml
status 2 dozan validate large.yaml
err "error: large.yaml: has more than 4 MiB"
head -c 4096 /dev/urandom >noise.yaml
status 2 dozan validate noise.yaml

# databases that are none
echo "this is no database, and longer than a header of one would be" >text.db
cp text.db before.db
for command in "run bowl.yaml" "get experiments" "describe experiment bowl" "stop bowl" "delete bowl"; do
    # shellcheck disable=SC2086
    status 2 dozan $command --db text.db
    err "error: text.db: "
    cmp -s text.db before.db || fail "$command has changed what is no database"
done
status 2 dozan get experiments --db absent.db
err "absent.db"
status 2 dozan stop bowl --db absent.db
[ ! -e absent.db ] || fail "stop has made a database"
status 2 dozan run bowl.yaml --db absent/x.db
status 2 dozan get trials --db .
