# Whom the client trusts, and whom the service: certificates, tokens, roles.
. "$DOZAN_SOURCE/tests/scenario/lib/serve.sh"
unset DOZAN_SERVER DOZAN_TOKEN_FILE DOZAN_CERTIFICATE_AUTHORITY SSL_CERT_FILE CURL_CA_BUNDLE
tls=$DOZAN_SOURCE/tests/integration/tls
experiment bowl 3 1 "$bowl"
dozan token alice >token 2>alice
dozan token eve >eve.token 2>eve
{
    echo users:
    cat alice
    sed 's/role: editor/role: viewer/' eve
    printf '  - name: cert\n    certificate: Dozan test client\n    grants:\n      - {role: editor}\n'
} >users.yaml
dozan token mallory >wrong.token 2>/dev/null
serve --auth users.yaml --tls-cert "$tls/server.pem" --tls-key "$tls/server.pem" --tls-ca "$tls/ca.pem"
url=https://localhost:${url##*:}
DOZAN_SERVER=$url
export DOZAN_SERVER

# a certificate that is not signed by anybody known, by another authority, for another name
status 2 dozan get experiments --token-file token
err "its certificate is not to be trusted, and nothing was sent"
err "--certificate-authority FILE"
status 2 dozan get experiments --token-file token --certificate-authority "$tls/other-ca.pem"
err "not to be trusted"
status 2 dozan get experiments --token-file token --certificate-authority "$tls/ca.pem" --server "https://127.0.0.1:${url##*:}"
err "not to be trusted"
status 2 dozan watch bowl --token-file token
err "not to be trusted"
status 2 dozan logs bowl --token-file token
err "not to be trusted"
status 2 dozan get experiments --certificate-authority none.pem
err "none.pem"
! grep -q event=request log || fail "something was sent"

# a token: none, a wrong one, one that is none, one of too small a role, the right one
DOZAN_CERTIFICATE_AUTHORITY=$tls/ca.pem
export DOZAN_CERTIFICATE_AUTHORITY
status 2 dozan get experiments
err "give --token-file"
status 2 dozan get experiments --token-file wrong.token
err "this token is not known; the token is in wrong.token"
status 2 dozan watch bowl --token-file wrong.token
err "this token is not known"
status 2 dozan get experiments --token-file none
err "none: the token cannot be read"
printf 'two words\n' >two
status 2 dozan get experiments --token-file two
err "holds no token"
! grep -q words err || fail "what is in the file is shown"
status 0 dozan get experiments --token-file eve.token
status 2 dozan submit bowl.yaml --token-file eve.token
err "needs the role editor"
status 2 dozan stop bowl --token-file eve.token
err "needs the role editor"
status 2 dozan get experiments -A --token-file token
err "for all namespaces"
status 0 env DOZAN_TOKEN_FILE=token dozan submit bowl.yaml --wait -q
out "3 succeeded"

# a token is not sent where others could read it
status 2 dozan get experiments --server http://tuner.example.org:7070 --token-file token
err "a token would be readable on the way: use https://"
status 2 dozan get experiments --server "https://alice:$(cat token)@localhost:1"
err "is no address of a service"
! grep -qF -e "$(cat token)" err || fail "a token is shown"

# a client certificate, in a context, which is used from anywhere
status 0 dozan context set mine --server "$url" --certificate-authority "$tls/ca.pem" \
    --client-certificate "$tls/client.pem" --client-key "$tls/client.pem"
mkdir elsewhere
cd elsewhere
unset DOZAN_SERVER DOZAN_CERTIFICATE_AUTHORITY
status 0 dozan get experiments -A
out bowl
status 0 dozan context set mine --token-file ../wrong.token
status 2 dozan get experiments
err "this token is not known; the token is in $(realpath ../wrong.token)"
status 0 dozan context set mine --token-file ''
status 0 dozan delete bowl
cd ..
[ "$(stat -c %a config/dozan/contexts.yaml)" = 600 ] || fail "others may read the contexts"
printf 'contexts: {mine: {srever: x}}\n' >config/dozan/contexts.yaml
status 2 dozan get experiments
err "contexts.yaml:1: contexts.mine"
stop_serving
! grep -qF -e "$(cat token)" -e "$(cat eve.token)" log || fail "a token is in the log"
