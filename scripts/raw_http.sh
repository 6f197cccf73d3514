#!/bin/sh
# Show and test every endpoint of a running service with curl: scripts/raw_http.sh [URL]
#
# Each command is printed as it can be copied, and what comes back below it. The exit status is 0 if
# all is as expected. What is asked of Coze costs quota. These are taken from the environment:
#   OPENAI_API_KEY     a key of callers, where the service asks for one
#   PROXY_ADMIN_KEY    the owner's, for tokens and metrics; without it they may be shut
#   COZE_BOT_ID, COZE_WORKFLOW_ID, CHATFLOW_ID, VOICE    what is asked; else what the stand-in has
#   ORIGIN             of a web page that may call
set -u

url=${1-http://localhost:3000}
url=${url%/} url=${url%/v1}
key=${OPENAI_API_KEY-any-string}
admin=${PROXY_ADMIN_KEY-}
bot=${COZE_BOT_ID-7400000000000000001}
workflow=${COZE_WORKFLOW_ID-7400000000000000002}
chatflow=${CHATFLOW_ID-echo}
voice=${VOICE-7400000000000000005}
origin=${ORIGIN-https://app.example}
chat=$url/v1/chat/completions

command -v curl >/dev/null || {
    echo "This needs curl; scripts/raw_http.py needs Python alone." >&2
    exit 2
}
answer=$(mktemp) || exit 2
trap 'rm -f "$answer"' EXIT
tried=0 failed=0

# Print words as they are typed.
quoted() {
    for word; do
        case $word in
        *[!A-Za-z0-9_./:=%+-]* | '') printf " '%s'" "$(printf %s "$word" | sed "s/'/'\\\\''/g")" ;;
        *) printf ' %s' "$word" ;;
        esac
    done
}

# try TITLE STATUS PATTERN ARGUMENT...: ask with these arguments of curl's. The status and a line of
# the response, head and body, must match.
try() {
    title=$1 status=$2 pattern=$3
    shift 3
    printf '\n# %s\ncurl -i -H "Authorization: Bearer $%s"%s\n' "$title" "$shown" "$(quoted "$@")"
    # A token that is given out is for no screen.
    curl --silent --show-error --include --no-buffer --max-time 180 \
        --header "Authorization: Bearer $bearer" --write-out '\n# %{http_code} after %{time_total} s' \
        "$@" 2>&1 | sed 's/"\(token\|access_token\)":"[^"]*"/"\1":"********"/g' | tee "$answer"
    found=$(sed -n '$s/^# \([0-9]*\) after.*/\1/p' "$answer")
    tried=$((tried + 1))
    if printf %s "$found" | grep -qxE "$status" && grep -qiE -- "$pattern" "$answer"; then
        printf ': as expected\n'
    else
        failed=$((failed + 1))
        printf ': FAILED, expected %s and %s\n' "$status" "$pattern"
    fi
}

# say TITLE PATTERN FIELDS ARGUMENT...: ask something of Coze; FIELDS go into the body.
say() {
    title=$1 pattern=$2 fields=$3
    shift 3
    try "$title" 200 "$pattern" "$chat" -H 'Content-Type: application/json' "$@" \
        -d "{$fields, \"messages\": [{\"role\": \"user\", \"content\": \"Hello!\"}]}"
}

# each_way TYPE ID-HEADER ID PREFIX: a type, named by headers, in the body, and by the model name.
each_way() {
    say "$1, by headers" chat.completion '"model": "gpt-4"' -H "x-model-type: $1" -H "$2: $3"
    say "$1, in the body" chat.completion "\"model\": \"gpt-4\", \"x-model-type\": \"$1\", \"$2\": \"$3\""
    say "$1, by the model name, streamed" '^data: \[DONE\]' "\"model\": \"$4-$3\", \"stream\": true"
}

bearer=$key shown=OPENAI_API_KEY
try 'health' 200 '"status":"ok"' "$url/health"
try 'ready' 200 '"status":"ready"' "$url/ready"
try 'models' 200 '"object":"list"' "$url/v1/models"
try 'one model' 200 '"object":"model"' "$url/v1/models/bot-$bot"

say 'chat, whole' '"object":"chat.completion"' "\"model\": \"bot-$bot\""
say 'chat, streamed' '^data: \[DONE\]' "\"model\": \"bot-$bot\", \"stream\": true"
each_way chat x-bot-id "$bot" bot
each_way conversation x-bot-id "$bot" conversation
each_way workflow x-workflow-id "$workflow" workflow
each_way chatflow x-workflow-id "$chatflow" chatflow

try 'text completion' 200 '"object":"text_completion"' "$url/v1/completions" \
    -H 'Content-Type: application/json' -d "{\"model\": \"bot-$bot\", \"prompt\": \"Hello!\"}"
# A sound is for no screen either.
try 'speech' 200 '^content-type: audio/mpeg' -D - -o /dev/null "$url/v1/audio/speech" \
    -H 'Content-Type: application/json' \
    -d "{\"model\": \"tts-1\", \"input\": \"Hello!\", \"voice\": \"$voice\"}"
try 'a file' 200 '"object":"file"' "$url/v1/files" \
    -F purpose=user_data -F 'file=Hello!;filename=hello.txt'

try 'error: no recording' 400 '"param":"file"' "$url/v1/audio/transcriptions" -F model=whisper-1
try 'error: no such file' 404 'No such File' "$url/v1/files/file-1-user_data"
try 'error: no list of files' 404 '"code":"unsupported_operation"' "$url/v1/files"
try 'error: no content of files' 404 '"code":"unsupported_operation"' \
    "$url/v1/files/file-1-user_data/content"

responses=$url/v1/responses conversations=$url/v1/conversations
try 'response, whole' 200 '"object":"response"' "$responses" -H 'Content-Type: application/json' \
    -d "{\"model\": \"bot-$bot\", \"input\": \"Hello!\"}"
try 'response, streamed' 200 '^event: response.completed' "$responses" \
    -H 'Content-Type: application/json' \
    -d "{\"model\": \"bot-$bot\", \"input\": \"Hello!\", \"stream\": true}"
try 'conversation' 200 '"object":"conversation"' "$conversations" \
    -H 'Content-Type: application/json' -d '{}'
try 'error: no such response' 404 'not found' "$responses/resp_1"
try 'error: no input of it' 404 'not found' "$responses/resp_1/input_items"
try 'error: nothing to cancel' 404 'not found' -X POST "$responses/resp_1/cancel"
try 'error: no such conversation' 404 'not found' "$conversations/conv_1"
try 'error: no items of it' 404 'not found' "$conversations/conv_1/items"
try 'error: no such item' 404 'not found' "$conversations/conv_1/items/msg_1"
try 'error: no history of it' 404 'not found' "$conversations/conv_1/history"

try 'error: no JSON' 400 '"type":"invalid_request_error"' "$chat" -d '{'
try 'error: no messages' 400 '"param":"messages"' "$chat" -d '{"model": "gpt-4"}'
try 'error: no such type' 400 '"code":"invalid_model_type"' "$chat" -H 'x-model-type: poem' \
    -d '{"model": "gpt-4", "messages": [{"role": "user", "content": "Hello!"}]}'
try 'error: no such model' 404 '"code":"model_not_found"' "$url/v1/models/none"
try 'error: no such path' 404 'Invalid URL' "$url/v1/nowhere"
try 'error: wrong method' 405 '^allow: ' "$chat"

try 'preflight of a web page' 204 '^access-control-allow-methods: ' -X OPTIONS "$chat" \
    -H "Origin: $origin" -H 'Access-Control-Request-Method: POST' \
    -H 'Access-Control-Request-Headers: authorization, content-type'

# Shut, or without OAuth, they are errors; see docs/access.md.
bearer=$admin shown=PROXY_ADMIN_KEY
try 'description' 200 '"openapi"' "$url/openapi.json"
try 'metrics' '200|403' '^cozeproxy_requests_total|permission_denied' "$url/metrics"
try 'conversations' '200|400|403' '"object":"list"|"param":"bot_id"|permission_denied' \
    "$conversations"
try 'token' '200|400|403' '"success":true|jwt_not_configured|permission_denied' "$url/get_jwt"
try 'a new token' '200|400|403' '"success":true|jwt_not_configured|permission_denied' \
    -X POST "$url/refresh_jwt"
try 'no token' '200|400|403' '"success":true|jwt_not_configured|permission_denied' \
    -X DELETE "$url/clear_jwt"

printf '\n%s of %s as expected\n' $((tried - failed)) "$tried"
[ "$failed" = 0 ]
