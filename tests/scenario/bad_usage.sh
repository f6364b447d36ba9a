# A command line that is wrong is told why, and what was nearly meant.
refused() { # MESSAGE ARGUMENT...
    message=$1
    shift
    status 2 dozan "$@"
    no_out
    err "error: $message"
}

refused 'no command is given'
refused 'unknown command "rum"; did you mean run?' rum
refused 'unknown command "frobnicate"; `dozan help` lists the commands' frobnicate
refused 'unknown command "rum"' help rum
refused 'the command comes before its options' --db x run
refused 'FILE is missing' run
err 'usage: dozan run FILE [OPTION]...'
refused 'unexpected argument "b"' run a b
refused 'NAME is missing' describe trial
refused '"pods" is none of experiments|trials' get pods
refused '"tcsh" is none of bash|zsh|fish' completion tcsh
refused 'unknown option --paralell; did you mean --parallel?' run --paralell 3 a.yaml
refused '--output: "xml" is none of table|json|yaml' run -o xml a.yaml
refused '--parallel: "0" is no whole number' run --parallel 0 a.yaml
refused '--set: "x" has not the form NAME=VALUE' run --set x a.yaml
status 2 dozan algorithms --config nowhere.yaml
err 'error: nowhere.yaml: cannot be read'
printf 'plugin: {}\n' >config.yaml
status 2 dozan algorithms --config config.yaml
err 'error: config.yaml:1: plugin: unknown field'

status 0 dozan help
for command in run validate get describe logs metrics stop resume delete algorithms completion version help; do
    out "  $command "
    dozan help "$command" >help.txt
    grep -q "^Usage: dozan $command" help.txt || fail "help $command does not tell its usage"
    dozan "$command" --help | cmp -s - help.txt || fail "$command --help is not help $command"
done
status 0 dozan --version
out "dozan "
status 0 dozan version
[ ! -e dozan.db ] || fail "a database was made"

# a result that cannot be written is no success
if [ -w /dev/full ]; then
    got=0
    dozan help >/dev/full 2>err || got=$?
    [ "$got" = 1 ] || fail "a full disk is taken for success"
    err "could not be written"
fi
