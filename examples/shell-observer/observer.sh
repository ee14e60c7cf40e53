#!/bin/sh
# Holds a migration once it has re-sent too much: an observer in shell, where jq does all the work.
# protocol/SPEC.md says what comes and what goes; a line each.
exec jq --null-input --unbuffered --compact-output --raw-input \
  --argjson limit "${RESENT_LIMIT:-67108864}" '
  def answer($result): {jsonrpc: "2.0", id: .id, result: $result};
  foreach (inputs | fromjson) as $message (
    {resent: 0, asked: false};
    ($message.params.event // {}) as $event
    | .resent += (if $event.type == "sent" then $event.resentBytes else 0 end)
    | .pause = (.resent > $limit and (.asked | not))
    | .asked = (.asked or .pause);
    . as $state
    | $message
    | if .method == "initialize" then
        answer({
          protocol: "1.0",
          plugin: {name: "watchdog", version: "1.0"},
          roles: ["observer"],
          capabilities: {observer: {events: ["sent"], pauses: true}}
        })
      elif .method == "shutdown" then answer({})
      elif $state.pause then
        {jsonrpc: "2.0", id: 1, method: "host/pause",
         params: {reason: "\($state.resent) bytes were re-sent, and \($limit) is the limit."}}
      elif .method and .id then
        {jsonrpc: "2.0", id: .id, error: {code: -32601, message: "There is no method \(.method)."}}
      else empty end
  )'
