/** Generated from protocol/plugin.schema.json by `npm run generate`; do not edit. */
export const schema = {
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "$id": "urn:migrascope:plugin:1",
  "title": "PluginMessage",
  "description": "A line between the host and a plugin. The result of an answer depends on what was asked: see the …Reply definitions. protocol/SPEC.md is the prose.",
  "anyOf": [
    {
      "$ref": "#/$defs/InitializeRequest"
    },
    {
      "$ref": "#/$defs/ShutdownRequest"
    },
    {
      "$ref": "#/$defs/CancelNote"
    },
    {
      "$ref": "#/$defs/ProgressNote"
    },
    {
      "$ref": "#/$defs/LogNote"
    },
    {
      "$ref": "#/$defs/PolicyBeginRequest"
    },
    {
      "$ref": "#/$defs/PolicyPlanRequest"
    },
    {
      "$ref": "#/$defs/PolicyConvergedRequest"
    },
    {
      "$ref": "#/$defs/PolicyExplainRequest"
    },
    {
      "$ref": "#/$defs/ProbeOpenRequest"
    },
    {
      "$ref": "#/$defs/ProbeSnapshotRequest"
    },
    {
      "$ref": "#/$defs/ProbeDrainRequest"
    },
    {
      "$ref": "#/$defs/ProbeTrimRequest"
    },
    {
      "$ref": "#/$defs/ProbeSteerRequest"
    },
    {
      "$ref": "#/$defs/ProbeCloseRequest"
    },
    {
      "$ref": "#/$defs/HypervisorOpenRequest"
    },
    {
      "$ref": "#/$defs/HypervisorGuestsRequest"
    },
    {
      "$ref": "#/$defs/HypervisorDisksRequest"
    },
    {
      "$ref": "#/$defs/HypervisorRunStateRequest"
    },
    {
      "$ref": "#/$defs/HypervisorPauseRequest"
    },
    {
      "$ref": "#/$defs/HypervisorResumeRequest"
    },
    {
      "$ref": "#/$defs/HypervisorOpenSourceRequest"
    },
    {
      "$ref": "#/$defs/HypervisorStartTrackingRequest"
    },
    {
      "$ref": "#/$defs/HypervisorFlipRequest"
    },
    {
      "$ref": "#/$defs/HypervisorOpenPivotRequest"
    },
    {
      "$ref": "#/$defs/HypervisorSwitchOverRequest"
    },
    {
      "$ref": "#/$defs/HypervisorReleaseRequest"
    },
    {
      "$ref": "#/$defs/HypervisorProbeAddressRequest"
    },
    {
      "$ref": "#/$defs/HypervisorGuestAgentAddressRequest"
    },
    {
      "$ref": "#/$defs/HypervisorAddProbePortRequest"
    },
    {
      "$ref": "#/$defs/HypervisorLeftoversRequest"
    },
    {
      "$ref": "#/$defs/HypervisorRemoveLeftoversRequest"
    },
    {
      "$ref": "#/$defs/HypervisorCloseRequest"
    },
    {
      "$ref": "#/$defs/HypervisorEventNote"
    },
    {
      "$ref": "#/$defs/HostRecordRequest"
    },
    {
      "$ref": "#/$defs/HostCommitRequest"
    },
    {
      "$ref": "#/$defs/ObserverEventNote"
    },
    {
      "$ref": "#/$defs/ObserverMissedNote"
    },
    {
      "$ref": "#/$defs/HostPauseRequest"
    },
    {
      "$ref": "#/$defs/WorkloadBeginRequest"
    },
    {
      "$ref": "#/$defs/WorkloadNextRequest"
    },
    {
      "$ref": "#/$defs/Refusal"
    },
    {
      "$ref": "#/$defs/InitializeReply"
    },
    {
      "$ref": "#/$defs/ShutdownReply"
    },
    {
      "$ref": "#/$defs/PolicyBeginReply"
    },
    {
      "$ref": "#/$defs/PolicyPlanReply"
    },
    {
      "$ref": "#/$defs/PolicyConvergedReply"
    },
    {
      "$ref": "#/$defs/PolicyExplainReply"
    },
    {
      "$ref": "#/$defs/ProbeOpenReply"
    },
    {
      "$ref": "#/$defs/ProbeSnapshotReply"
    },
    {
      "$ref": "#/$defs/ProbeDrainReply"
    },
    {
      "$ref": "#/$defs/ProbeTrimReply"
    },
    {
      "$ref": "#/$defs/ProbeSteerReply"
    },
    {
      "$ref": "#/$defs/ProbeCloseReply"
    },
    {
      "$ref": "#/$defs/HypervisorOpenReply"
    },
    {
      "$ref": "#/$defs/HypervisorGuestsReply"
    },
    {
      "$ref": "#/$defs/HypervisorDisksReply"
    },
    {
      "$ref": "#/$defs/HypervisorRunStateReply"
    },
    {
      "$ref": "#/$defs/HypervisorPauseReply"
    },
    {
      "$ref": "#/$defs/HypervisorResumeReply"
    },
    {
      "$ref": "#/$defs/HypervisorOpenSourceReply"
    },
    {
      "$ref": "#/$defs/HypervisorStartTrackingReply"
    },
    {
      "$ref": "#/$defs/HypervisorFlipReply"
    },
    {
      "$ref": "#/$defs/HypervisorOpenPivotReply"
    },
    {
      "$ref": "#/$defs/HypervisorSwitchOverReply"
    },
    {
      "$ref": "#/$defs/HypervisorReleaseReply"
    },
    {
      "$ref": "#/$defs/HypervisorProbeAddressReply"
    },
    {
      "$ref": "#/$defs/HypervisorGuestAgentAddressReply"
    },
    {
      "$ref": "#/$defs/HypervisorAddProbePortReply"
    },
    {
      "$ref": "#/$defs/HypervisorLeftoversReply"
    },
    {
      "$ref": "#/$defs/HypervisorRemoveLeftoversReply"
    },
    {
      "$ref": "#/$defs/HypervisorCloseReply"
    },
    {
      "$ref": "#/$defs/HostRecordReply"
    },
    {
      "$ref": "#/$defs/HostCommitReply"
    },
    {
      "$ref": "#/$defs/HostPauseReply"
    },
    {
      "$ref": "#/$defs/WorkloadBeginReply"
    },
    {
      "$ref": "#/$defs/WorkloadNextReply"
    }
  ],
  "$defs": {
    "Id": {
      "title": "RequestId",
      "description": "Chosen by who asks; the answer repeats it. The host chooses whole numbers.",
      "type": [
        "integer",
        "string"
      ]
    },
    "Role": {
      "title": "Role",
      "description": "What a plugin can be.",
      "enum": [
        "policy",
        "probe",
        "hypervisor",
        "observer",
        "workload"
      ]
    },
    "Runs": {
      "title": "Runs",
      "description": "A set of blocks as counts that alternate between blocks to skip and blocks to take, from block 0. The first may be 0, no other; the list ends with a count to take; the empty set is [].",
      "type": "array",
      "items": {
        "type": "integer",
        "minimum": 0,
        "maximum": 68719476736
      }
    },
    "CompactRuns": {
      "title": "CompactRuns",
      "description": "The same counts, each as unsigned LEB128, one after another, in base64 (RFC 4648 section 4, with padding). The empty set is the empty string.",
      "type": "string",
      "pattern": "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
    },
    "Blocks": {
      "title": "Blocks",
      "description": "A set of blocks, in either form.",
      "anyOf": [
        {
          "$ref": "#/$defs/Runs"
        },
        {
          "$ref": "#/$defs/CompactRuns"
        }
      ]
    },
    "SetUpdate": {
      "title": "SetUpdate",
      "description": "What a set that the host keeps with the plugin is now: `whole`, or, against the newest that was told, what to remove and then what to add. With none of the three it is as it was.",
      "type": "object",
      "properties": {
        "whole": {
          "$ref": "#/$defs/Blocks"
        },
        "remove": {
          "$ref": "#/$defs/Blocks"
        },
        "add": {
          "$ref": "#/$defs/Blocks"
        }
      },
      "additionalProperties": true
    },
    "Extent": {
      "title": "Extent",
      "description": "A run of bytes of the virtual disk.",
      "type": "object",
      "properties": {
        "offset": {
          "type": "integer",
          "minimum": 0,
          "description": "In bytes."
        },
        "length": {
          "type": "integer",
          "minimum": 1,
          "description": "In bytes."
        }
      },
      "required": [
        "offset",
        "length"
      ],
      "additionalProperties": true
    },
    "Program": {
      "title": "Program",
      "description": "A program by name and version.",
      "type": "object",
      "properties": {
        "name": {
          "type": "string",
          "description": "For people and for choosing it.",
          "minLength": 1,
          "maxLength": 64
        },
        "version": {
          "type": "string",
          "description": "Of the program.",
          "maxLength": 64
        }
      },
      "required": [
        "name",
        "version"
      ],
      "additionalProperties": true
    },
    "ReasonText": {
      "title": "ReasonText",
      "description": "A reason for which the policy puts blocks off.",
      "type": "object",
      "properties": {
        "name": {
          "type": "string",
          "description": "As a plan names it: a-z, 0-9 and -.",
          "pattern": "^[a-z][a-z0-9-]{0,63}$"
        },
        "text": {
          "type": "string",
          "description": "What it means for a block, a sentence.",
          "maxLength": 1000
        }
      },
      "required": [
        "name",
        "text"
      ],
      "additionalProperties": true
    },
    "PolicyCapabilities": {
      "title": "PolicyCapabilities",
      "description": "What a policy asks for and can do.",
      "type": "object",
      "properties": {
        "usesCache": {
          "type": "boolean",
          "description": "Whether the guest should be asked for its page cache before each plan."
        },
        "sets": {
          "enum": [
            "whole",
            "changes"
          ],
          "description": "`whole`: every set comes whole each time. `changes`: after the first time only what changed."
        },
        "compact": {
          "type": "boolean",
          "description": "Whether the host may send the compact form."
        },
        "reasons": {
          "type": "array",
          "items": {
            "$ref": "#/$defs/ReasonText"
          },
          "description": "Every reason that its plans name."
        },
        "converged": {
          "type": "boolean",
          "description": "Whether it answers `policy/converged`."
        },
        "explain": {
          "type": "boolean",
          "description": "Whether it answers `policy/explain`."
        }
      },
      "additionalProperties": true
    },
    "ProbeCapabilities": {
      "title": "ProbeCapabilities",
      "description": "What a probe can do beside `probe/snapshot`.",
      "type": "object",
      "properties": {
        "drain": {
          "type": "boolean",
          "description": "Answers `probe/drain`."
        },
        "trim": {
          "type": "boolean",
          "description": "Answers `probe/trim`."
        },
        "steer": {
          "type": "boolean",
          "description": "Answers `probe/steer`."
        }
      },
      "additionalProperties": true
    },
    "ObserverCapabilities": {
      "title": "ObserverCapabilities",
      "description": "What an observer wants.",
      "type": "object",
      "properties": {
        "events": {
          "type": "array",
          "items": {
            "type": "string"
          },
          "description": "Types of events that it wants; all unless told."
        },
        "pauses": {
          "type": "boolean",
          "description": "Whether it may ask for a pause."
        }
      },
      "additionalProperties": true
    },
    "HypervisorCapabilities": {
      "title": "HypervisorCapabilities",
      "description": "What a hypervisor can do beside reading and tracking.",
      "type": "object",
      "properties": {
        "pivot": {
          "type": "boolean",
          "description": "Answers `hypervisor/openPivot` and `hypervisor/switchOver`."
        },
        "probePort": {
          "type": "boolean",
          "description": "Answers `hypervisor/addProbePort`."
        }
      },
      "additionalProperties": true
    },
    "Capabilities": {
      "title": "Capabilities",
      "description": "By role; only those of the roles that the plugin has.",
      "type": "object",
      "properties": {
        "policy": {
          "$ref": "#/$defs/PolicyCapabilities"
        },
        "probe": {
          "$ref": "#/$defs/ProbeCapabilities"
        },
        "observer": {
          "$ref": "#/$defs/ObserverCapabilities"
        },
        "hypervisor": {
          "$ref": "#/$defs/HypervisorCapabilities"
        },
        "workload": {
          "type": "object",
          "description": "Nothing yet.",
          "additionalProperties": true
        }
      },
      "additionalProperties": true
    },
    "InitializeParams": {
      "title": "InitializeParams",
      "description": "Parameters of `initialize`.",
      "type": "object",
      "properties": {
        "protocol": {
          "type": "string",
          "description": "Version that the host speaks, `major.minor`.",
          "pattern": "^[0-9]+\\.[0-9]+$"
        },
        "host": {
          "$ref": "#/$defs/Program"
        },
        "roles": {
          "type": "array",
          "items": {
            "$ref": "#/$defs/Role"
          },
          "description": "Roles that the host will use."
        }
      },
      "required": [
        "protocol",
        "host",
        "roles"
      ],
      "additionalProperties": true
    },
    "InitializeResult": {
      "title": "InitializeResult",
      "description": "Result of `initialize`.",
      "type": "object",
      "properties": {
        "protocol": {
          "type": "string",
          "description": "Version that the plugin speaks, `major.minor`.",
          "pattern": "^[0-9]+\\.[0-9]+$"
        },
        "plugin": {
          "$ref": "#/$defs/Program"
        },
        "roles": {
          "type": "array",
          "items": {
            "$ref": "#/$defs/Role"
          },
          "description": "Roles that the plugin has.",
          "minItems": 1
        },
        "capabilities": {
          "$ref": "#/$defs/Capabilities"
        }
      },
      "required": [
        "protocol",
        "plugin",
        "roles",
        "capabilities"
      ],
      "additionalProperties": true
    },
    "InitializeRequest": {
      "title": "InitializeRequest",
      "description": "The first message. The host says who it is, and for which roles it wants the plugin.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "initialize"
        },
        "params": {
          "$ref": "#/$defs/InitializeParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "InitializeReply": {
      "title": "InitializeReply",
      "description": "The answer to `initialize`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/InitializeResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "ShutdownParams": {
      "title": "ShutdownParams",
      "description": "Parameters of `shutdown`.",
      "type": "object",
      "properties": {},
      "additionalProperties": true
    },
    "ShutdownResult": {
      "title": "ShutdownResult",
      "description": "Result of `shutdown`.",
      "type": "object",
      "properties": {},
      "additionalProperties": true
    },
    "ShutdownRequest": {
      "title": "ShutdownRequest",
      "description": "Nothing more will be asked; finish, answer, and end when the input ends.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "shutdown"
        },
        "params": {
          "$ref": "#/$defs/ShutdownParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "ShutdownReply": {
      "title": "ShutdownReply",
      "description": "The answer to `shutdown`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/ShutdownResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "CancelParams": {
      "title": "CancelParams",
      "description": "Parameters of `$/cancel`.",
      "type": "object",
      "properties": {
        "id": {
          "$ref": "#/$defs/Id"
        }
      },
      "required": [
        "id"
      ],
      "additionalProperties": true
    },
    "CancelNote": {
      "title": "CancelNote",
      "description": "The answer to a request is not wanted any more.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "method": {
          "const": "$/cancel"
        },
        "params": {
          "$ref": "#/$defs/CancelParams"
        }
      },
      "required": [
        "jsonrpc",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "ProgressParams": {
      "title": "ProgressParams",
      "description": "Parameters of `$/progress`.",
      "type": "object",
      "properties": {
        "id": {
          "$ref": "#/$defs/Id"
        },
        "message": {
          "type": "string",
          "description": "For people.",
          "maxLength": 1000
        },
        "done": {
          "type": "number",
          "minimum": 0,
          "description": "How much is done."
        },
        "total": {
          "type": "number",
          "minimum": 0,
          "description": "Of how much."
        }
      },
      "required": [
        "id"
      ],
      "additionalProperties": true
    },
    "ProgressNote": {
      "title": "ProgressNote",
      "description": "How far the work on a request is; begins its time limit anew.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "method": {
          "const": "$/progress"
        },
        "params": {
          "$ref": "#/$defs/ProgressParams"
        }
      },
      "required": [
        "jsonrpc",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "LogParams": {
      "title": "LogParams",
      "description": "Parameters of `log`.",
      "type": "object",
      "properties": {
        "level": {
          "enum": [
            "error",
            "warn",
            "info",
            "debug"
          ],
          "description": "How important it is."
        },
        "message": {
          "type": "string",
          "description": "One line.",
          "maxLength": 4096
        }
      },
      "required": [
        "level",
        "message"
      ],
      "additionalProperties": true
    },
    "LogNote": {
      "title": "LogNote",
      "description": "A line for the log.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "method": {
          "const": "log"
        },
        "params": {
          "$ref": "#/$defs/LogParams"
        }
      },
      "required": [
        "jsonrpc",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "PolicyBeginParams": {
      "title": "PolicyBeginParams",
      "description": "Parameters of `policy/begin`.",
      "type": "object",
      "properties": {
        "run": {
          "type": "string",
          "description": "The run's id."
        },
        "disk": {
          "title": "PolicyDisk",
          "description": "The disk that is moved.",
          "type": "object",
          "properties": {
            "name": {
              "type": "string",
              "description": "What the hypervisor calls it."
            },
            "size": {
              "type": "integer",
              "minimum": 0,
              "description": "In bytes."
            }
          },
          "required": [
            "name",
            "size"
          ],
          "additionalProperties": true
        },
        "granularity": {
          "type": "integer",
          "minimum": 512,
          "description": "Bytes of a block."
        },
        "blocks": {
          "type": "integer",
          "minimum": 0,
          "description": "How many blocks the disk has."
        }
      },
      "required": [
        "run",
        "disk",
        "granularity",
        "blocks"
      ],
      "additionalProperties": true
    },
    "PolicyBeginResult": {
      "title": "PolicyBeginResult",
      "description": "Result of `policy/begin`.",
      "type": "object",
      "properties": {},
      "additionalProperties": true
    },
    "PolicyBeginRequest": {
      "title": "PolicyBeginRequest",
      "description": "A migration begins, or goes on after the plugin was started anew. What was told before is void.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "policy/begin"
        },
        "params": {
          "$ref": "#/$defs/PolicyBeginParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "PolicyBeginReply": {
      "title": "PolicyBeginReply",
      "description": "The answer to `policy/begin`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/PolicyBeginResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "Touch": {
      "title": "Touch",
      "description": "Blocks that the guest touched, as the host saw it.",
      "type": "object",
      "properties": {
        "at": {
          "type": "number",
          "description": "When, in milliseconds on the clock of `now`."
        },
        "kind": {
          "enum": [
            "written",
            "cached"
          ],
          "description": "`written`: they reached the disk. `cached`: they were dirty in the page cache."
        },
        "blocks": {
          "$ref": "#/$defs/Blocks"
        }
      },
      "required": [
        "at",
        "kind",
        "blocks"
      ],
      "additionalProperties": true
    },
    "CacheAge": {
      "title": "CacheAge",
      "description": "The newest look at the guest's page cache.",
      "type": "object",
      "properties": {
        "at": {
          "type": "number",
          "description": "When, in milliseconds on the clock of `now`."
        }
      },
      "required": [
        "at"
      ],
      "additionalProperties": true
    },
    "PolicyPlanParams": {
      "title": "PolicyPlanParams",
      "description": "Parameters of `policy/plan`.",
      "type": "object",
      "properties": {
        "round": {
          "type": "integer",
          "minimum": 0,
          "description": "From 0; round 0 is the bulk round."
        },
        "batch": {
          "type": "integer",
          "minimum": 0,
          "description": "From 0 in each round."
        },
        "now": {
          "type": "number",
          "description": "In milliseconds, on a clock that never goes back within a run."
        },
        "budgetBlocks": {
          "type": "integer",
          "minimum": 1,
          "description": "Most blocks to send: about two seconds of sending."
        },
        "dirtyExpireMs": {
          "type": "number",
          "minimum": 0,
          "description": "How long the guest lets dirty pages wait, in milliseconds; absent when unknown."
        },
        "candidates": {
          "$ref": "#/$defs/SetUpdate"
        },
        "sent": {
          "$ref": "#/$defs/SetUpdate"
        },
        "dirty": {
          "$ref": "#/$defs/SetUpdate"
        },
        "writeback": {
          "$ref": "#/$defs/SetUpdate"
        },
        "cache": {
          "$ref": "#/$defs/CacheAge"
        },
        "touches": {
          "type": "array",
          "items": {
            "$ref": "#/$defs/Touch"
          },
          "description": "What the guest touched since the last plan, in the order of time; after `policy/begin` what is known so far."
        }
      },
      "required": [
        "round",
        "batch",
        "now",
        "budgetBlocks",
        "candidates",
        "sent",
        "dirty",
        "writeback",
        "touches"
      ],
      "additionalProperties": true
    },
    "PolicyPlanResult": {
      "title": "PolicyPlanResult",
      "description": "Result of `policy/plan`.",
      "type": "object",
      "properties": {
        "send": {
          "$ref": "#/$defs/Blocks"
        },
        "deferred": {
          "type": "array",
          "items": {
            "$ref": "#/$defs/Deferred"
          },
          "description": "What is put off, each reason once, the strongest first."
        }
      },
      "required": [
        "send",
        "deferred"
      ],
      "additionalProperties": true
    },
    "PolicyPlanRequest": {
      "title": "PolicyPlanRequest",
      "description": "Decide what is sent next and what is put off.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "policy/plan"
        },
        "params": {
          "$ref": "#/$defs/PolicyPlanParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "PolicyPlanReply": {
      "title": "PolicyPlanReply",
      "description": "The answer to `policy/plan`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/PolicyPlanResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "Deferred": {
      "title": "Deferred",
      "description": "Candidates that are put off for one reason.",
      "type": "object",
      "properties": {
        "reason": {
          "type": "string",
          "description": "One of those that `initialize` declared."
        },
        "blocks": {
          "$ref": "#/$defs/Blocks"
        }
      },
      "required": [
        "reason",
        "blocks"
      ],
      "additionalProperties": true
    },
    "RoundAccount": {
      "title": "RoundAccount",
      "description": "Figures of a finished round. Sizes are bytes, times milliseconds.",
      "type": "object",
      "properties": {
        "sentBytes": {
          "type": "integer",
          "minimum": 0,
          "description": "What it sent."
        },
        "resentBytes": {
          "type": "integer",
          "minimum": 0,
          "description": "Of these, of blocks that had been sent before."
        },
        "pendingBytes": {
          "type": "integer",
          "minimum": 0,
          "description": "What was pending when it was over."
        },
        "deferredBytes": {
          "type": "integer",
          "minimum": 0,
          "description": "Of these, what is put off."
        },
        "undeferredBytes": {
          "type": "integer",
          "minimum": 0,
          "description": "Of these, what is not."
        },
        "durationMs": {
          "type": "number",
          "minimum": 0,
          "description": "How long it took."
        }
      },
      "required": [
        "sentBytes",
        "resentBytes",
        "pendingBytes",
        "deferredBytes",
        "undeferredBytes",
        "durationMs"
      ],
      "additionalProperties": true
    },
    "PolicyConvergedParams": {
      "title": "PolicyConvergedParams",
      "description": "Parameters of `policy/converged`.",
      "type": "object",
      "properties": {
        "rounds": {
          "type": "array",
          "items": {
            "$ref": "#/$defs/RoundAccount"
          },
          "description": "All rounds so far, oldest first."
        },
        "bandwidth": {
          "type": "number",
          "minimum": 0,
          "description": "In bytes a second."
        },
        "dirtyRate": {
          "type": "number",
          "minimum": 0,
          "description": "Distinct bytes that the guest dirties, a second."
        },
        "downtimeLimitMs": {
          "type": "number",
          "minimum": 0,
          "description": "How long the guest may be paused."
        }
      },
      "required": [
        "rounds",
        "bandwidth",
        "dirtyRate",
        "downtimeLimitMs"
      ],
      "additionalProperties": true
    },
    "PolicyConvergedResult": {
      "title": "PolicyConvergedResult",
      "description": "Result of `policy/converged`.",
      "type": "object",
      "properties": {
        "enough": {
          "type": "boolean",
          "description": "No more rounds."
        }
      },
      "required": [
        "enough"
      ],
      "additionalProperties": true
    },
    "PolicyConvergedRequest": {
      "title": "PolicyConvergedRequest",
      "description": "Whether another round is of no use. Asked at statement 11 where what is not put off does not fit the downtime limit.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "policy/converged"
        },
        "params": {
          "$ref": "#/$defs/PolicyConvergedParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "PolicyConvergedReply": {
      "title": "PolicyConvergedReply",
      "description": "The answer to `policy/converged`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/PolicyConvergedResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "PolicyExplainParams": {
      "title": "PolicyExplainParams",
      "description": "Parameters of `policy/explain`.",
      "type": "object",
      "properties": {
        "block": {
          "type": "integer",
          "minimum": 0,
          "description": "Its number."
        }
      },
      "required": [
        "block"
      ],
      "additionalProperties": true
    },
    "PolicyExplainResult": {
      "title": "PolicyExplainResult",
      "description": "Result of `policy/explain`.",
      "type": "object",
      "properties": {
        "text": {
          "type": "string",
          "description": "One or two sentences for people.",
          "maxLength": 4000
        }
      },
      "required": [
        "text"
      ],
      "additionalProperties": true
    },
    "PolicyExplainRequest": {
      "title": "PolicyExplainRequest",
      "description": "Why the newest plan did with a block what it did.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "policy/explain"
        },
        "params": {
          "$ref": "#/$defs/PolicyExplainParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "PolicyExplainReply": {
      "title": "PolicyExplainReply",
      "description": "The answer to `policy/explain`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/PolicyExplainResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "ProbeDiskQuery": {
      "title": "ProbeDiskQuery",
      "description": "What the host knows of a disk; the probe's disk is the one that all given fields fit.",
      "type": "object",
      "properties": {
        "size": {
          "type": "integer",
          "minimum": 0,
          "description": "In bytes."
        },
        "serial": {
          "type": "string",
          "description": "As the guest sees it."
        },
        "pci": {
          "type": "string",
          "description": "`bus:slot.function`, hexadecimal."
        }
      },
      "required": [
        "size"
      ],
      "additionalProperties": true
    },
    "ProbeDisk": {
      "title": "ProbeDisk",
      "description": "A guest disk as the probe sees it.",
      "type": "object",
      "properties": {
        "name": {
          "type": "string",
          "description": "The guest's name, e.g. `vda`."
        },
        "size": {
          "type": "integer",
          "minimum": 0,
          "description": "In bytes."
        },
        "serial": {
          "type": "string",
          "description": "As the guest sees it."
        },
        "pci": {
          "type": "string",
          "description": "`bus:slot.function`, hexadecimal."
        }
      },
      "required": [
        "name",
        "size"
      ],
      "additionalProperties": true
    },
    "ProbeOpenParams": {
      "title": "ProbeOpenParams",
      "description": "Parameters of `probe/open`.",
      "type": "object",
      "properties": {
        "host": {
          "type": "string",
          "description": "Name of the hypervisor."
        },
        "disk": {
          "$ref": "#/$defs/ProbeDiskQuery"
        }
      },
      "required": [
        "host",
        "disk"
      ],
      "additionalProperties": true
    },
    "ProbeOpenResult": {
      "title": "ProbeOpenResult",
      "description": "Result of `probe/open`.",
      "type": "object",
      "properties": {
        "method": {
          "enum": [
            "kcore",
            "cachestat",
            "mincore"
          ],
          "description": "How pages are found, best first."
        },
        "methodReasons": {
          "type": "array",
          "items": {
            "type": "string"
          },
          "description": "Why better methods are not used, one sentence each."
        },
        "kernel": {
          "type": "string",
          "description": "The guest's kernel release."
        },
        "bootId": {
          "type": "string",
          "description": "Changes when the guest reboots."
        },
        "disks": {
          "type": "array",
          "items": {
            "$ref": "#/$defs/ProbeDisk"
          },
          "description": "The guest's disks."
        },
        "dirtyExpireMs": {
          "type": "number",
          "minimum": 0,
          "description": "How long the guest lets dirty pages wait."
        },
        "dirtyWritebackMs": {
          "type": "number",
          "minimum": 0,
          "description": "How often it looks for those to write."
        }
      },
      "required": [
        "method",
        "methodReasons",
        "kernel",
        "bootId",
        "disks",
        "dirtyExpireMs",
        "dirtyWritebackMs"
      ],
      "additionalProperties": true
    },
    "ProbeOpenRequest": {
      "title": "ProbeOpenRequest",
      "description": "Reach the guest.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "probe/open"
        },
        "params": {
          "$ref": "#/$defs/ProbeOpenParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "ProbeOpenReply": {
      "title": "ProbeOpenReply",
      "description": "The answer to `probe/open`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/ProbeOpenResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "CacheExtent": {
      "title": "CacheExtent",
      "description": "A run of bytes of the disk that the guest's page cache holds.",
      "type": "object",
      "properties": {
        "offset": {
          "type": "integer",
          "minimum": 0,
          "description": "In bytes."
        },
        "length": {
          "type": "integer",
          "minimum": 1,
          "description": "In bytes."
        },
        "state": {
          "enum": [
            "clean",
            "dirty",
            "writeback"
          ],
          "description": "As the kernel has it."
        },
        "class": {
          "enum": [
            "data",
            "metadata",
            "journal"
          ],
          "description": "What it is to the file system."
        },
        "file": {
          "type": "integer",
          "minimum": 0,
          "description": "Index into `files`."
        },
        "fileOffset": {
          "type": "integer",
          "minimum": 0,
          "description": "Offset in the file of the first byte."
        },
        "ageMs": {
          "type": "number",
          "minimum": 0,
          "description": "Since the inode was first dirtied."
        }
      },
      "required": [
        "offset",
        "length",
        "state",
        "class"
      ],
      "additionalProperties": true
    },
    "CacheFile": {
      "title": "CacheFile",
      "description": "A file with pages in the report.",
      "type": "object",
      "properties": {
        "device": {
          "type": "string",
          "description": "`major:minor` of its file system."
        },
        "inode": {
          "type": "integer",
          "minimum": 0,
          "description": "Its number."
        },
        "generation": {
          "type": "integer",
          "minimum": 0,
          "description": "Of the inode."
        },
        "links": {
          "type": "integer",
          "minimum": 0,
          "description": "0 for an unlinked file that is still open."
        },
        "path": {
          "type": "string",
          "description": "Where it is known."
        },
        "fileSystem": {
          "type": "string",
          "description": "Its type."
        }
      },
      "required": [
        "device",
        "inode",
        "generation",
        "links",
        "fileSystem"
      ],
      "additionalProperties": true
    },
    "ProbeSnapshotParams": {
      "title": "ProbeSnapshotParams",
      "description": "Parameters of `probe/snapshot`.",
      "type": "object",
      "properties": {
        "disk": {
          "$ref": "#/$defs/ProbeDiskQuery"
        },
        "clean": {
          "type": "boolean",
          "description": "Report clean pages too."
        }
      },
      "required": [
        "disk",
        "clean"
      ],
      "additionalProperties": true
    },
    "ProbeSnapshotResult": {
      "title": "ProbeSnapshotResult",
      "description": "Result of `probe/snapshot`.",
      "type": "object",
      "properties": {
        "sequence": {
          "type": "integer",
          "minimum": 0,
          "description": "Grows with each report."
        },
        "method": {
          "enum": [
            "kcore",
            "cachestat",
            "mincore"
          ],
          "description": "How pages were found."
        },
        "startMs": {
          "type": "number",
          "minimum": 0,
          "description": "On the guest's monotonic clock."
        },
        "endMs": {
          "type": "number",
          "minimum": 0,
          "description": "On the guest's monotonic clock."
        },
        "extents": {
          "type": "array",
          "items": {
            "$ref": "#/$defs/CacheExtent"
          },
          "description": "Ascending by offset, without overlap."
        },
        "files": {
          "type": "array",
          "items": {
            "$ref": "#/$defs/CacheFile"
          },
          "description": "That `file` counts in."
        },
        "unmappedBytes": {
          "type": "object",
          "additionalProperties": {
            "type": "integer",
            "minimum": 0
          },
          "description": "Bytes of dirty pages whose place can't be told, by reason."
        },
        "journals": {
          "type": "array",
          "items": {
            "$ref": "#/$defs/Extent"
          },
          "description": "Where the file systems' journals lie."
        },
        "restarts": {
          "type": "integer",
          "minimum": 0,
          "description": "Lists that were begun anew."
        },
        "givenUp": {
          "type": "integer",
          "minimum": 0,
          "description": "Lists that were given up."
        },
        "truncated": {
          "type": "string",
          "description": "Why the report is not whole; absent when it is."
        }
      },
      "required": [
        "sequence",
        "method",
        "startMs",
        "endMs",
        "extents",
        "files",
        "unmappedBytes",
        "journals",
        "restarts",
        "givenUp"
      ],
      "additionalProperties": true
    },
    "ProbeSnapshotRequest": {
      "title": "ProbeSnapshotRequest",
      "description": "One look at the guest's page cache over a disk.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "probe/snapshot"
        },
        "params": {
          "$ref": "#/$defs/ProbeSnapshotParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "ProbeSnapshotReply": {
      "title": "ProbeSnapshotReply",
      "description": "The answer to `probe/snapshot`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/ProbeSnapshotResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "ProbeDrainParams": {
      "title": "ProbeDrainParams",
      "description": "Parameters of `probe/drain`.",
      "type": "object",
      "properties": {
        "disk": {
          "$ref": "#/$defs/ProbeDiskQuery"
        },
        "extents": {
          "type": "array",
          "items": {
            "$ref": "#/$defs/Extent"
          },
          "description": "Only these; all unless told."
        }
      },
      "required": [
        "disk"
      ],
      "additionalProperties": true
    },
    "ProbeDrainResult": {
      "title": "ProbeDrainResult",
      "description": "Result of `probe/drain`.",
      "type": "object",
      "properties": {
        "writtenBytes": {
          "type": "integer",
          "minimum": 0,
          "description": "What was written."
        },
        "tookMs": {
          "type": "number",
          "minimum": 0,
          "description": "How long it took."
        }
      },
      "required": [
        "writtenBytes",
        "tookMs"
      ],
      "additionalProperties": true
    },
    "ProbeDrainRequest": {
      "title": "ProbeDrainRequest",
      "description": "Have the guest write back what is dirty.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "probe/drain"
        },
        "params": {
          "$ref": "#/$defs/ProbeDrainParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "ProbeDrainReply": {
      "title": "ProbeDrainReply",
      "description": "The answer to `probe/drain`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/ProbeDrainResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "ProbeTrimParams": {
      "title": "ProbeTrimParams",
      "description": "Parameters of `probe/trim`.",
      "type": "object",
      "properties": {
        "disk": {
          "$ref": "#/$defs/ProbeDiskQuery"
        }
      },
      "required": [
        "disk"
      ],
      "additionalProperties": true
    },
    "ProbeTrimResult": {
      "title": "ProbeTrimResult",
      "description": "Result of `probe/trim`.",
      "type": "object",
      "properties": {
        "trimmedBytes": {
          "type": "integer",
          "minimum": 0,
          "description": "What was discarded."
        }
      },
      "required": [
        "trimmedBytes"
      ],
      "additionalProperties": true
    },
    "ProbeTrimRequest": {
      "title": "ProbeTrimRequest",
      "description": "Have the guest's file systems discard what no file uses.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "probe/trim"
        },
        "params": {
          "$ref": "#/$defs/ProbeTrimParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "ProbeTrimReply": {
      "title": "ProbeTrimReply",
      "description": "The answer to `probe/trim`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/ProbeTrimResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "ProbeSteerParams": {
      "title": "ProbeSteerParams",
      "description": "Parameters of `probe/steer`.",
      "type": "object",
      "properties": {
        "mode": {
          "enum": [
            "hold",
            "release"
          ],
          "description": "What to do."
        },
        "forMs": {
          "type": "integer",
          "minimum": 1,
          "maximum": 600000,
          "description": "In milliseconds."
        }
      },
      "required": [
        "mode",
        "forMs"
      ],
      "additionalProperties": true
    },
    "ProbeSteerResult": {
      "title": "ProbeSteerResult",
      "description": "Result of `probe/steer`.",
      "type": "object",
      "properties": {},
      "additionalProperties": true
    },
    "ProbeSteerRequest": {
      "title": "ProbeSteerRequest",
      "description": "Have dirty pages wait longer, or as before; undone by the plugin after `forMs`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "probe/steer"
        },
        "params": {
          "$ref": "#/$defs/ProbeSteerParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "ProbeSteerReply": {
      "title": "ProbeSteerReply",
      "description": "The answer to `probe/steer`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/ProbeSteerResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "ProbeCloseParams": {
      "title": "ProbeCloseParams",
      "description": "Parameters of `probe/close`.",
      "type": "object",
      "properties": {},
      "additionalProperties": true
    },
    "ProbeCloseResult": {
      "title": "ProbeCloseResult",
      "description": "Result of `probe/close`.",
      "type": "object",
      "properties": {},
      "additionalProperties": true
    },
    "ProbeCloseRequest": {
      "title": "ProbeCloseRequest",
      "description": "Let go of the guest, with nothing left behind.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "probe/close"
        },
        "params": {
          "$ref": "#/$defs/ProbeCloseParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "ProbeCloseReply": {
      "title": "ProbeCloseReply",
      "description": "The answer to `probe/close`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/ProbeCloseResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "Guest": {
      "title": "Guest",
      "description": "A guest of the host.",
      "type": "object",
      "properties": {
        "id": {
          "type": "string",
          "description": "Names it in every other call."
        },
        "name": {
          "type": "string",
          "description": "For people."
        },
        "running": {
          "type": "boolean",
          "description": "Whether its processors run."
        },
        "status": {
          "type": "string",
          "description": "The hypervisor's own word."
        }
      },
      "required": [
        "id",
        "name",
        "running",
        "status"
      ],
      "additionalProperties": true
    },
    "GuestDisk": {
      "title": "GuestDisk",
      "description": "A disk of a guest.",
      "type": "object",
      "properties": {
        "name": {
          "type": "string",
          "description": "What people call it."
        },
        "aliases": {
          "type": "array",
          "items": {
            "type": "string"
          },
          "description": "Other names for it."
        },
        "size": {
          "type": "integer",
          "minimum": 0,
          "description": "In bytes."
        },
        "format": {
          "type": "string",
          "description": "Of the image."
        },
        "image": {
          "type": "string",
          "description": "File name or URI, for people."
        },
        "readOnly": {
          "type": "boolean",
          "description": "Whether the guest can't write it."
        },
        "guestIdentity": {
          "title": "GuestIdentity",
          "description": "How the guest can recognise it.",
          "type": "object",
          "properties": {
            "serial": {
              "type": "string",
              "description": "Its serial number."
            },
            "pci": {
              "type": "string",
              "description": "`bus:slot.function`, hexadecimal."
            }
          },
          "additionalProperties": true
        }
      },
      "required": [
        "name",
        "aliases",
        "size",
        "format",
        "image",
        "readOnly",
        "guestIdentity"
      ],
      "additionalProperties": true
    },
    "SocketAddress": {
      "title": "SocketAddress",
      "description": "Where something listens.",
      "oneOf": [
        {
          "title": "UnixAddress",
          "description": "A unix socket.",
          "type": "object",
          "properties": {
            "type": {
              "const": "unix"
            },
            "path": {
              "type": "string",
              "description": "Its path."
            }
          },
          "required": [
            "type",
            "path"
          ],
          "additionalProperties": true
        },
        {
          "title": "TcpAddress",
          "description": "A TCP port.",
          "type": "object",
          "properties": {
            "type": {
              "const": "tcp"
            },
            "host": {
              "type": "string",
              "description": "Name or address."
            },
            "port": {
              "type": "integer",
              "minimum": 1,
              "maximum": 65535,
              "description": "Number."
            }
          },
          "required": [
            "type",
            "host",
            "port"
          ],
          "additionalProperties": true
        }
      ]
    },
    "HostChange": {
      "title": "HostChange",
      "description": "An action that is about to change something in a host.",
      "type": "object",
      "properties": {
        "host": {
          "type": "string",
          "description": "Name of the hypervisor."
        },
        "run": {
          "type": "string",
          "description": "For which it is done."
        },
        "action": {
          "type": "string",
          "description": "The command, or a word for what is none."
        },
        "arguments": {
          "description": "The command's arguments, or what it is done to."
        },
        "undoes": {
          "const": true,
          "description": "It puts something back."
        },
        "routine": {
          "const": true,
          "description": "One of many alike."
        }
      },
      "required": [
        "host",
        "action"
      ],
      "additionalProperties": true
    },
    "Leftover": {
      "title": "Leftover",
      "description": "Something that a run made and that is there still.",
      "type": "object",
      "properties": {
        "kind": {
          "enum": [
            "job",
            "export",
            "nbd-server",
            "bitmap",
            "node",
            "device",
            "character-device",
            "process",
            "folder"
          ],
          "description": "What it is."
        },
        "name": {
          "type": "string",
          "description": "As the hypervisor has it."
        },
        "run": {
          "type": "string",
          "description": "The run's id."
        },
        "on": {
          "type": "string",
          "description": "What it belongs to."
        }
      },
      "required": [
        "kind",
        "name",
        "run"
      ],
      "additionalProperties": true
    },
    "LeftoverOutcome": {
      "title": "LeftoverOutcome",
      "description": "What became of a leftover.",
      "type": "object",
      "properties": {
        "leftover": {
          "$ref": "#/$defs/Leftover"
        },
        "failure": {
          "type": "string",
          "description": "Why it is there still; absent where it is gone."
        }
      },
      "required": [
        "leftover"
      ],
      "additionalProperties": true
    },
    "HypervisorOpenParams": {
      "title": "HypervisorOpenParams",
      "description": "Parameters of `hypervisor/open`.",
      "type": "object",
      "properties": {
        "address": {
          "type": "string",
          "description": "As the person gave it, without the plugin's name."
        }
      },
      "required": [
        "address"
      ],
      "additionalProperties": true
    },
    "HypervisorOpenResult": {
      "title": "HypervisorOpenResult",
      "description": "Result of `hypervisor/open`.",
      "type": "object",
      "properties": {
        "name": {
          "type": "string",
          "description": "How people and errors name it."
        }
      },
      "required": [
        "name"
      ],
      "additionalProperties": true
    },
    "HypervisorOpenRequest": {
      "title": "HypervisorOpenRequest",
      "description": "Reach the host.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "hypervisor/open"
        },
        "params": {
          "$ref": "#/$defs/HypervisorOpenParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "HypervisorOpenReply": {
      "title": "HypervisorOpenReply",
      "description": "The answer to `hypervisor/open`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/HypervisorOpenResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "HypervisorGuestsParams": {
      "title": "HypervisorGuestsParams",
      "description": "Parameters of `hypervisor/guests`.",
      "type": "object",
      "properties": {},
      "additionalProperties": true
    },
    "HypervisorGuestsResult": {
      "title": "HypervisorGuestsResult",
      "description": "Result of `hypervisor/guests`.",
      "type": "object",
      "properties": {
        "guests": {
          "type": "array",
          "items": {
            "$ref": "#/$defs/Guest"
          },
          "description": "All of them."
        }
      },
      "required": [
        "guests"
      ],
      "additionalProperties": true
    },
    "HypervisorGuestsRequest": {
      "title": "HypervisorGuestsRequest",
      "description": "List the guests.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "hypervisor/guests"
        },
        "params": {
          "$ref": "#/$defs/HypervisorGuestsParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "HypervisorGuestsReply": {
      "title": "HypervisorGuestsReply",
      "description": "The answer to `hypervisor/guests`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/HypervisorGuestsResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "HypervisorDisksParams": {
      "title": "HypervisorDisksParams",
      "description": "Parameters of `hypervisor/disks`.",
      "type": "object",
      "properties": {
        "guest": {
          "type": "string",
          "description": "Its id."
        }
      },
      "required": [
        "guest"
      ],
      "additionalProperties": true
    },
    "HypervisorDisksResult": {
      "title": "HypervisorDisksResult",
      "description": "Result of `hypervisor/disks`.",
      "type": "object",
      "properties": {
        "disks": {
          "type": "array",
          "items": {
            "$ref": "#/$defs/GuestDisk"
          },
          "description": "All of them."
        }
      },
      "required": [
        "disks"
      ],
      "additionalProperties": true
    },
    "HypervisorDisksRequest": {
      "title": "HypervisorDisksRequest",
      "description": "List a guest's disks.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "hypervisor/disks"
        },
        "params": {
          "$ref": "#/$defs/HypervisorDisksParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "HypervisorDisksReply": {
      "title": "HypervisorDisksReply",
      "description": "The answer to `hypervisor/disks`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/HypervisorDisksResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "HypervisorRunStateParams": {
      "title": "HypervisorRunStateParams",
      "description": "Parameters of `hypervisor/runState`.",
      "type": "object",
      "properties": {
        "guest": {
          "type": "string",
          "description": "Its id."
        }
      },
      "required": [
        "guest"
      ],
      "additionalProperties": true
    },
    "HypervisorRunStateResult": {
      "title": "HypervisorRunStateResult",
      "description": "Result of `hypervisor/runState`.",
      "type": "object",
      "properties": {
        "running": {
          "type": "boolean",
          "description": "Whether they do."
        },
        "status": {
          "type": "string",
          "description": "The hypervisor's own word."
        }
      },
      "required": [
        "running",
        "status"
      ],
      "additionalProperties": true
    },
    "HypervisorRunStateRequest": {
      "title": "HypervisorRunStateRequest",
      "description": "Whether the guest's processors run.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "hypervisor/runState"
        },
        "params": {
          "$ref": "#/$defs/HypervisorRunStateParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "HypervisorRunStateReply": {
      "title": "HypervisorRunStateReply",
      "description": "The answer to `hypervisor/runState`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/HypervisorRunStateResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "HypervisorPauseParams": {
      "title": "HypervisorPauseParams",
      "description": "Parameters of `hypervisor/pause`.",
      "type": "object",
      "properties": {
        "guest": {
          "type": "string",
          "description": "Its id."
        }
      },
      "required": [
        "guest"
      ],
      "additionalProperties": true
    },
    "HypervisorPauseResult": {
      "title": "HypervisorPauseResult",
      "description": "Result of `hypervisor/pause`.",
      "type": "object",
      "properties": {},
      "additionalProperties": true
    },
    "HypervisorPauseRequest": {
      "title": "HypervisorPauseRequest",
      "description": "Stop the guest's processors; answer once they stand.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "hypervisor/pause"
        },
        "params": {
          "$ref": "#/$defs/HypervisorPauseParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "HypervisorPauseReply": {
      "title": "HypervisorPauseReply",
      "description": "The answer to `hypervisor/pause`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/HypervisorPauseResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "HypervisorResumeParams": {
      "title": "HypervisorResumeParams",
      "description": "Parameters of `hypervisor/resume`.",
      "type": "object",
      "properties": {
        "guest": {
          "type": "string",
          "description": "Its id."
        }
      },
      "required": [
        "guest"
      ],
      "additionalProperties": true
    },
    "HypervisorResumeResult": {
      "title": "HypervisorResumeResult",
      "description": "Result of `hypervisor/resume`.",
      "type": "object",
      "properties": {},
      "additionalProperties": true
    },
    "HypervisorResumeRequest": {
      "title": "HypervisorResumeRequest",
      "description": "Let them run.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "hypervisor/resume"
        },
        "params": {
          "$ref": "#/$defs/HypervisorResumeParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "HypervisorResumeReply": {
      "title": "HypervisorResumeReply",
      "description": "The answer to `hypervisor/resume`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/HypervisorResumeResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "HypervisorOpenSourceParams": {
      "title": "HypervisorOpenSourceParams",
      "description": "Parameters of `hypervisor/openSource`.",
      "type": "object",
      "properties": {
        "guest": {
          "type": "string",
          "description": "Its id."
        },
        "disk": {
          "type": "string",
          "description": "Its name."
        },
        "run": {
          "type": "string",
          "description": "The run's id: 1 to 8 characters of a-z and 0-9; part of each name that is made.",
          "pattern": "^[a-z0-9]{1,8}$"
        },
        "granularity": {
          "type": "integer",
          "minimum": 512,
          "description": "Bytes of a block."
        },
        "after": {
          "type": "integer",
          "minimum": 0,
          "description": "Number of the last flip that was visited, where another process tracked before."
        }
      },
      "required": [
        "guest",
        "disk",
        "run",
        "granularity"
      ],
      "additionalProperties": true
    },
    "HypervisorOpenSourceResult": {
      "title": "HypervisorOpenSourceResult",
      "description": "Result of `hypervisor/openSource`.",
      "type": "object",
      "properties": {
        "source": {
          "type": "string",
          "description": "Names it in later calls."
        },
        "uri": {
          "type": "string",
          "description": "NBD URI of a read-only export with the meta context base:allocation."
        }
      },
      "required": [
        "source",
        "uri"
      ],
      "additionalProperties": true
    },
    "HypervisorOpenSourceRequest": {
      "title": "HypervisorOpenSourceRequest",
      "description": "Make a disk readable for a run, without tracking yet.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "hypervisor/openSource"
        },
        "params": {
          "$ref": "#/$defs/HypervisorOpenSourceParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "HypervisorOpenSourceReply": {
      "title": "HypervisorOpenSourceReply",
      "description": "The answer to `hypervisor/openSource`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/HypervisorOpenSourceResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "HypervisorStartTrackingParams": {
      "title": "HypervisorStartTrackingParams",
      "description": "Parameters of `hypervisor/startTracking`.",
      "type": "object",
      "properties": {
        "source": {
          "type": "string",
          "description": "As openSource gave it."
        }
      },
      "required": [
        "source"
      ],
      "additionalProperties": true
    },
    "HypervisorStartTrackingResult": {
      "title": "HypervisorStartTrackingResult",
      "description": "Result of `hypervisor/startTracking`.",
      "type": "object",
      "properties": {},
      "additionalProperties": true
    },
    "HypervisorStartTrackingRequest": {
      "title": "HypervisorStartTrackingRequest",
      "description": "Begin to note what the guest writes.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "hypervisor/startTracking"
        },
        "params": {
          "$ref": "#/$defs/HypervisorStartTrackingParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "HypervisorStartTrackingReply": {
      "title": "HypervisorStartTrackingReply",
      "description": "The answer to `hypervisor/startTracking`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/HypervisorStartTrackingResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "HypervisorFlipParams": {
      "title": "HypervisorFlipParams",
      "description": "Parameters of `hypervisor/flip`.",
      "type": "object",
      "properties": {
        "source": {
          "type": "string",
          "description": "As openSource gave it."
        }
      },
      "required": [
        "source"
      ],
      "additionalProperties": true
    },
    "HypervisorFlipResult": {
      "title": "HypervisorFlipResult",
      "description": "Result of `hypervisor/flip`.",
      "type": "object",
      "properties": {
        "number": {
          "type": "integer",
          "minimum": 0,
          "description": "Above those of all earlier flips."
        },
        "written": {
          "$ref": "#/$defs/Blocks"
        }
      },
      "required": [
        "number",
        "written"
      ],
      "additionalProperties": true
    },
    "HypervisorFlipRequest": {
      "title": "HypervisorFlipRequest",
      "description": "What was written since the last flip; begin anew, atomically.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "hypervisor/flip"
        },
        "params": {
          "$ref": "#/$defs/HypervisorFlipParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "HypervisorFlipReply": {
      "title": "HypervisorFlipReply",
      "description": "The answer to `hypervisor/flip`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/HypervisorFlipResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "HypervisorOpenPivotParams": {
      "title": "HypervisorOpenPivotParams",
      "description": "Parameters of `hypervisor/openPivot`.",
      "type": "object",
      "properties": {
        "source": {
          "type": "string",
          "description": "As openSource gave it."
        },
        "run": {
          "type": "string",
          "description": "The run's id: 1 to 8 characters of a-z and 0-9; part of each name that is made.",
          "pattern": "^[a-z0-9]{1,8}$"
        },
        "path": {
          "type": "string",
          "description": "On the hypervisor's machine."
        },
        "format": {
          "enum": [
            "raw",
            "qcow2"
          ],
          "description": "Of the image."
        },
        "overwrite": {
          "type": "boolean",
          "description": "Use an image that holds data."
        },
        "cacheDirect": {
          "type": "boolean",
          "description": "Bypass the host's page cache."
        },
        "discard": {
          "enum": [
            "ignore",
            "unmap"
          ],
          "description": "What discards do."
        },
        "aio": {
          "enum": [
            "threads",
            "native",
            "io_uring"
          ],
          "description": "How I/O is done."
        },
        "reopens": {
          "type": "boolean",
          "description": "It is open still, as this run left it."
        }
      },
      "required": [
        "source",
        "run",
        "path",
        "format",
        "overwrite"
      ],
      "additionalProperties": true
    },
    "HypervisorOpenPivotResult": {
      "title": "HypervisorOpenPivotResult",
      "description": "Result of `hypervisor/openPivot`.",
      "type": "object",
      "properties": {
        "destination": {
          "type": "string",
          "description": "Names it in later calls."
        },
        "name": {
          "type": "string",
          "description": "For people."
        },
        "uri": {
          "type": "string",
          "description": "NBD URI of a writable export."
        },
        "readsAsZeroes": {
          "type": "boolean",
          "description": "Whether all that is not yet written reads as zeroes."
        },
        "diskName": {
          "type": "string",
          "description": "What the guest's disk is called after the switchover."
        }
      },
      "required": [
        "destination",
        "name",
        "uri",
        "readsAsZeroes",
        "diskName"
      ],
      "additionalProperties": true
    },
    "HypervisorOpenPivotRequest": {
      "title": "HypervisorOpenPivotRequest",
      "description": "Open a new image to which the guest can be pivoted.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "hypervisor/openPivot"
        },
        "params": {
          "$ref": "#/$defs/HypervisorOpenPivotParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "HypervisorOpenPivotReply": {
      "title": "HypervisorOpenPivotReply",
      "description": "The answer to `hypervisor/openPivot`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/HypervisorOpenPivotResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "HypervisorSwitchOverParams": {
      "title": "HypervisorSwitchOverParams",
      "description": "Parameters of `hypervisor/switchOver`.",
      "type": "object",
      "properties": {
        "destination": {
          "type": "string",
          "description": "As openPivot gave it."
        }
      },
      "required": [
        "destination"
      ],
      "additionalProperties": true
    },
    "HypervisorSwitchOverResult": {
      "title": "HypervisorSwitchOverResult",
      "description": "Result of `hypervisor/switchOver`.",
      "type": "object",
      "properties": {
        "diskName": {
          "type": "string",
          "description": "What the guest's disk is called now."
        }
      },
      "required": [
        "diskName"
      ],
      "additionalProperties": true
    },
    "HypervisorSwitchOverRequest": {
      "title": "HypervisorSwitchOverRequest",
      "description": "Swap the guest's disk for the destination; the guest stands and both are equal.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "hypervisor/switchOver"
        },
        "params": {
          "$ref": "#/$defs/HypervisorSwitchOverParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "HypervisorSwitchOverReply": {
      "title": "HypervisorSwitchOverReply",
      "description": "The answer to `hypervisor/switchOver`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/HypervisorSwitchOverResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "HypervisorReleaseParams": {
      "title": "HypervisorReleaseParams",
      "description": "Parameters of `hypervisor/release`.",
      "type": "object",
      "properties": {
        "what": {
          "type": "string",
          "description": "The name of the source, destination or port."
        },
        "outcome": {
          "enum": [
            "keep",
            "discard",
            "as-found"
          ],
          "description": "For a destination: what becomes of its image."
        }
      },
      "required": [
        "what"
      ],
      "additionalProperties": true
    },
    "HypervisorReleaseResult": {
      "title": "HypervisorReleaseResult",
      "description": "Result of `hypervisor/release`.",
      "type": "object",
      "properties": {},
      "additionalProperties": true
    },
    "HypervisorReleaseRequest": {
      "title": "HypervisorReleaseRequest",
      "description": "Let go of a source, a destination or a port.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "hypervisor/release"
        },
        "params": {
          "$ref": "#/$defs/HypervisorReleaseParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "HypervisorReleaseReply": {
      "title": "HypervisorReleaseReply",
      "description": "The answer to `hypervisor/release`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/HypervisorReleaseResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "HypervisorProbeAddressParams": {
      "title": "HypervisorProbeAddressParams",
      "description": "Parameters of `hypervisor/probeAddress`.",
      "type": "object",
      "properties": {
        "guest": {
          "type": "string",
          "description": "Its id."
        }
      },
      "required": [
        "guest"
      ],
      "additionalProperties": true
    },
    "HypervisorProbeAddressResult": {
      "title": "HypervisorProbeAddressResult",
      "description": "Result of `hypervisor/probeAddress`.",
      "type": "object",
      "properties": {
        "address": {
          "anyOf": [
            {
              "$ref": "#/$defs/SocketAddress"
            },
            {
              "type": "null"
            }
          ],
          "description": "null without one."
        }
      },
      "required": [
        "address"
      ],
      "additionalProperties": true
    },
    "HypervisorProbeAddressRequest": {
      "title": "HypervisorProbeAddressRequest",
      "description": "Where the guest's probe can be reached.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "hypervisor/probeAddress"
        },
        "params": {
          "$ref": "#/$defs/HypervisorProbeAddressParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "HypervisorProbeAddressReply": {
      "title": "HypervisorProbeAddressReply",
      "description": "The answer to `hypervisor/probeAddress`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/HypervisorProbeAddressResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "HypervisorGuestAgentAddressParams": {
      "title": "HypervisorGuestAgentAddressParams",
      "description": "Parameters of `hypervisor/guestAgentAddress`.",
      "type": "object",
      "properties": {
        "guest": {
          "type": "string",
          "description": "Its id."
        }
      },
      "required": [
        "guest"
      ],
      "additionalProperties": true
    },
    "HypervisorGuestAgentAddressResult": {
      "title": "HypervisorGuestAgentAddressResult",
      "description": "Result of `hypervisor/guestAgentAddress`.",
      "type": "object",
      "properties": {
        "address": {
          "anyOf": [
            {
              "$ref": "#/$defs/SocketAddress"
            },
            {
              "type": "null"
            }
          ],
          "description": "null without one."
        }
      },
      "required": [
        "address"
      ],
      "additionalProperties": true
    },
    "HypervisorGuestAgentAddressRequest": {
      "title": "HypervisorGuestAgentAddressRequest",
      "description": "Where the guest's agent can be reached.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "hypervisor/guestAgentAddress"
        },
        "params": {
          "$ref": "#/$defs/HypervisorGuestAgentAddressParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "HypervisorGuestAgentAddressReply": {
      "title": "HypervisorGuestAgentAddressReply",
      "description": "The answer to `hypervisor/guestAgentAddress`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/HypervisorGuestAgentAddressResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "HypervisorAddProbePortParams": {
      "title": "HypervisorAddProbePortParams",
      "description": "Parameters of `hypervisor/addProbePort`.",
      "type": "object",
      "properties": {
        "guest": {
          "type": "string",
          "description": "Its id."
        },
        "run": {
          "type": "string",
          "description": "The run's id: 1 to 8 characters of a-z and 0-9; part of each name that is made.",
          "pattern": "^[a-z0-9]{1,8}$"
        }
      },
      "required": [
        "guest",
        "run"
      ],
      "additionalProperties": true
    },
    "HypervisorAddProbePortResult": {
      "title": "HypervisorAddProbePortResult",
      "description": "Result of `hypervisor/addProbePort`.",
      "type": "object",
      "properties": {
        "port": {
          "type": "string",
          "description": "Names it in `hypervisor/release`."
        },
        "address": {
          "$ref": "#/$defs/SocketAddress"
        }
      },
      "required": [
        "port",
        "address"
      ],
      "additionalProperties": true
    },
    "HypervisorAddProbePortRequest": {
      "title": "HypervisorAddProbePortRequest",
      "description": "Add a port for the probe to the running guest.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "hypervisor/addProbePort"
        },
        "params": {
          "$ref": "#/$defs/HypervisorAddProbePortParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "HypervisorAddProbePortReply": {
      "title": "HypervisorAddProbePortReply",
      "description": "The answer to `hypervisor/addProbePort`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/HypervisorAddProbePortResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "HypervisorLeftoversParams": {
      "title": "HypervisorLeftoversParams",
      "description": "Parameters of `hypervisor/leftovers`.",
      "type": "object",
      "properties": {
        "changes": {
          "type": "array",
          "items": {
            "$ref": "#/$defs/HostChange"
          },
          "description": "What journals say was done here."
        }
      },
      "required": [
        "changes"
      ],
      "additionalProperties": true
    },
    "HypervisorLeftoversResult": {
      "title": "HypervisorLeftoversResult",
      "description": "Result of `hypervisor/leftovers`.",
      "type": "object",
      "properties": {
        "leftovers": {
          "type": "array",
          "items": {
            "$ref": "#/$defs/Leftover"
          },
          "description": "All of them."
        }
      },
      "required": [
        "leftovers"
      ],
      "additionalProperties": true
    },
    "HypervisorLeftoversRequest": {
      "title": "HypervisorLeftoversRequest",
      "description": "What runs left here; changes nothing.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "hypervisor/leftovers"
        },
        "params": {
          "$ref": "#/$defs/HypervisorLeftoversParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "HypervisorLeftoversReply": {
      "title": "HypervisorLeftoversReply",
      "description": "The answer to `hypervisor/leftovers`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/HypervisorLeftoversResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "HypervisorRemoveLeftoversParams": {
      "title": "HypervisorRemoveLeftoversParams",
      "description": "Parameters of `hypervisor/removeLeftovers`.",
      "type": "object",
      "properties": {
        "run": {
          "type": "string",
          "description": "The run's id: 1 to 8 characters of a-z and 0-9; part of each name that is made.",
          "pattern": "^[a-z0-9]{1,8}$"
        },
        "changes": {
          "type": "array",
          "items": {
            "$ref": "#/$defs/HostChange"
          },
          "description": "Of that run."
        },
        "kinds": {
          "type": "array",
          "items": {
            "type": "string"
          },
          "description": "Only these; all unless told."
        }
      },
      "required": [
        "run",
        "changes"
      ],
      "additionalProperties": true
    },
    "HypervisorRemoveLeftoversResult": {
      "title": "HypervisorRemoveLeftoversResult",
      "description": "Result of `hypervisor/removeLeftovers`.",
      "type": "object",
      "properties": {
        "outcomes": {
          "type": "array",
          "items": {
            "$ref": "#/$defs/LeftoverOutcome"
          },
          "description": "One for each."
        }
      },
      "required": [
        "outcomes"
      ],
      "additionalProperties": true
    },
    "HypervisorRemoveLeftoversRequest": {
      "title": "HypervisorRemoveLeftoversRequest",
      "description": "Remove what a run left; safe to do twice.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "hypervisor/removeLeftovers"
        },
        "params": {
          "$ref": "#/$defs/HypervisorRemoveLeftoversParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "HypervisorRemoveLeftoversReply": {
      "title": "HypervisorRemoveLeftoversReply",
      "description": "The answer to `hypervisor/removeLeftovers`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/HypervisorRemoveLeftoversResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "HypervisorCloseParams": {
      "title": "HypervisorCloseParams",
      "description": "Parameters of `hypervisor/close`.",
      "type": "object",
      "properties": {},
      "additionalProperties": true
    },
    "HypervisorCloseResult": {
      "title": "HypervisorCloseResult",
      "description": "Result of `hypervisor/close`.",
      "type": "object",
      "properties": {},
      "additionalProperties": true
    },
    "HypervisorCloseRequest": {
      "title": "HypervisorCloseRequest",
      "description": "Let go of the host; remove what is left of its runs first.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "hypervisor/close"
        },
        "params": {
          "$ref": "#/$defs/HypervisorCloseParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "HypervisorCloseReply": {
      "title": "HypervisorCloseReply",
      "description": "The answer to `hypervisor/close`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/HypervisorCloseResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "HypervisorEventParams": {
      "title": "HypervisorEventParams",
      "description": "Parameters of `hypervisor/event`.",
      "type": "object",
      "properties": {
        "guest": {
          "type": "string",
          "description": "Its id."
        },
        "event": {
          "enum": [
            "stopped",
            "resumed",
            "reset",
            "shutdown",
            "lost"
          ],
          "description": "What."
        },
        "byGuest": {
          "type": "boolean",
          "description": "Of `shutdown`: whether the guest did it itself."
        },
        "message": {
          "type": "string",
          "description": "Of `lost`: why."
        }
      },
      "required": [
        "guest",
        "event"
      ],
      "additionalProperties": true
    },
    "HypervisorEventNote": {
      "title": "HypervisorEventNote",
      "description": "Something happened to a guest.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "method": {
          "const": "hypervisor/event"
        },
        "params": {
          "$ref": "#/$defs/HypervisorEventParams"
        }
      },
      "required": [
        "jsonrpc",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "HostRecordParams": {
      "title": "HostRecordParams",
      "description": "Parameters of `host/record`.",
      "type": "object",
      "properties": {
        "change": {
          "$ref": "#/$defs/HostChange"
        }
      },
      "required": [
        "change"
      ],
      "additionalProperties": true
    },
    "HostRecordResult": {
      "title": "HostRecordResult",
      "description": "Result of `host/record`.",
      "type": "object",
      "properties": {},
      "additionalProperties": true
    },
    "HostRecordRequest": {
      "title": "HostRecordRequest",
      "description": "Note a change in the run's journal before it is made; when refused, it is not made.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "host/record"
        },
        "params": {
          "$ref": "#/$defs/HostRecordParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "HostRecordReply": {
      "title": "HostRecordReply",
      "description": "The answer to `host/record`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/HostRecordResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "HostCommitParams": {
      "title": "HostCommitParams",
      "description": "Parameters of `host/commit`.",
      "type": "object",
      "properties": {
        "destination": {
          "type": "string",
          "description": "As openPivot gave it."
        }
      },
      "required": [
        "destination"
      ],
      "additionalProperties": true
    },
    "HostCommitResult": {
      "title": "HostCommitResult",
      "description": "Result of `host/commit`.",
      "type": "object",
      "properties": {},
      "additionalProperties": true
    },
    "HostCommitRequest": {
      "title": "HostCommitRequest",
      "description": "Asked during `hypervisor/switchOver`, before the step that can't be taken back; when refused, it is not done.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "host/commit"
        },
        "params": {
          "$ref": "#/$defs/HostCommitParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "HostCommitReply": {
      "title": "HostCommitReply",
      "description": "The answer to `host/commit`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/HostCommitResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "ObserverEventParams": {
      "title": "ObserverEventParams",
      "description": "Parameters of `observer/event`.",
      "type": "object",
      "properties": {
        "event": {
          "type": "object",
          "description": "As protocol/EVENTS.md has it.",
          "properties": {
            "type": {
              "type": "string"
            },
            "seq": {
              "type": "integer",
              "minimum": 0
            },
            "t": {
              "type": "number",
              "minimum": 0
            }
          },
          "required": [
            "type",
            "seq",
            "t"
          ],
          "additionalProperties": true
        }
      },
      "required": [
        "event"
      ],
      "additionalProperties": true
    },
    "ObserverEventNote": {
      "title": "ObserverEventNote",
      "description": "An event of the run.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "method": {
          "const": "observer/event"
        },
        "params": {
          "$ref": "#/$defs/ObserverEventParams"
        }
      },
      "required": [
        "jsonrpc",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "ObserverMissedParams": {
      "title": "ObserverMissedParams",
      "description": "Parameters of `observer/missed`.",
      "type": "object",
      "properties": {
        "from": {
          "type": "integer",
          "minimum": 0,
          "description": "Number of the first that was left out."
        },
        "count": {
          "type": "integer",
          "minimum": 1,
          "description": "How many."
        }
      },
      "required": [
        "from",
        "count"
      ],
      "additionalProperties": true
    },
    "ObserverMissedNote": {
      "title": "ObserverMissedNote",
      "description": "Events were left out because the plugin read too slowly.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "method": {
          "const": "observer/missed"
        },
        "params": {
          "$ref": "#/$defs/ObserverMissedParams"
        }
      },
      "required": [
        "jsonrpc",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "HostPauseParams": {
      "title": "HostPauseParams",
      "description": "Parameters of `host/pause`.",
      "type": "object",
      "properties": {
        "reason": {
          "type": "string",
          "description": "For people.",
          "minLength": 1,
          "maxLength": 1000
        }
      },
      "required": [
        "reason"
      ],
      "additionalProperties": true
    },
    "HostPauseResult": {
      "title": "HostPauseResult",
      "description": "Result of `host/pause`.",
      "type": "object",
      "properties": {},
      "additionalProperties": true
    },
    "HostPauseRequest": {
      "title": "HostPauseRequest",
      "description": "Hold the program before its next statement.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "host/pause"
        },
        "params": {
          "$ref": "#/$defs/HostPauseParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "HostPauseReply": {
      "title": "HostPauseReply",
      "description": "The answer to `host/pause`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/HostPauseResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "LaidOutFile": {
      "title": "LaidOutFile",
      "description": "A file that is on the disk before the workload begins.",
      "type": "object",
      "properties": {
        "path": {
          "type": "string",
          "description": "Absolute.",
          "pattern": "^/"
        },
        "pages": {
          "type": "integer",
          "minimum": 0,
          "description": "Its length."
        }
      },
      "required": [
        "path",
        "pages"
      ],
      "additionalProperties": true
    },
    "WorkloadBeginParams": {
      "title": "WorkloadBeginParams",
      "description": "Parameters of `workload/begin`.",
      "type": "object",
      "properties": {
        "diskBytes": {
          "type": "integer",
          "minimum": 0,
          "description": "Of the guest's disk."
        },
        "cacheBytes": {
          "type": "integer",
          "minimum": 0,
          "description": "Of the guest's page cache."
        },
        "pageBytes": {
          "type": "integer",
          "minimum": 512,
          "description": "Of a page."
        },
        "seed": {
          "type": "integer",
          "minimum": 0,
          "description": "For whatever is random."
        }
      },
      "required": [
        "diskBytes",
        "cacheBytes",
        "pageBytes",
        "seed"
      ],
      "additionalProperties": true
    },
    "WorkloadBeginResult": {
      "title": "WorkloadBeginResult",
      "description": "Result of `workload/begin`.",
      "type": "object",
      "properties": {
        "name": {
          "type": "string",
          "description": "Of the workload.",
          "maxLength": 64
        },
        "description": {
          "type": "string",
          "description": "One sentence for people."
        },
        "files": {
          "type": "array",
          "items": {
            "$ref": "#/$defs/LaidOutFile"
          },
          "description": "That are there at the beginning."
        }
      },
      "required": [
        "name",
        "description",
        "files"
      ],
      "additionalProperties": true
    },
    "WorkloadBeginRequest": {
      "title": "WorkloadBeginRequest",
      "description": "Make the workload for a disk; the same seed gives the same acts.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "workload/begin"
        },
        "params": {
          "$ref": "#/$defs/WorkloadBeginParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "WorkloadBeginReply": {
      "title": "WorkloadBeginReply",
      "description": "The answer to `workload/begin`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/WorkloadBeginResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "Act": {
      "title": "Act",
      "description": "A system call of the workload. Places in files are pages.",
      "type": "object",
      "properties": {
        "atMs": {
          "type": "number",
          "minimum": 0,
          "description": "On the guest's clock, since the workload began."
        },
        "call": {
          "enum": [
            "create",
            "write",
            "writeDirect",
            "read",
            "sync",
            "truncate",
            "rename",
            "unlink"
          ],
          "description": "Which."
        },
        "path": {
          "type": "string",
          "description": "Absolute.",
          "pattern": "^/"
        },
        "first": {
          "type": "integer",
          "minimum": 0,
          "description": "First page, of write, writeDirect and read."
        },
        "count": {
          "type": "integer",
          "minimum": 1,
          "description": "Pages, of write, writeDirect and read."
        },
        "pages": {
          "type": "integer",
          "minimum": 0,
          "description": "New length, of truncate."
        },
        "to": {
          "type": "string",
          "description": "New path, of rename.",
          "pattern": "^/"
        },
        "metadata": {
          "type": "boolean",
          "description": "Of sync: fsync instead of fdatasync."
        }
      },
      "required": [
        "atMs",
        "call",
        "path"
      ],
      "additionalProperties": true
    },
    "ActOutcome": {
      "title": "ActOutcome",
      "description": "What became of an act.",
      "type": "object",
      "properties": {
        "waitedMs": {
          "type": "number",
          "minimum": 0,
          "description": "How long the caller waited."
        },
        "failure": {
          "enum": [
            "no-space",
            "no-file"
          ],
          "description": "Why it was not done; absent where it was."
        }
      },
      "required": [
        "waitedMs"
      ],
      "additionalProperties": true
    },
    "WorkloadNextParams": {
      "title": "WorkloadNextParams",
      "description": "Parameters of `workload/next`.",
      "type": "object",
      "properties": {
        "fromMs": {
          "type": "number",
          "minimum": 0,
          "description": "The stretch begins."
        },
        "untilMs": {
          "type": "number",
          "minimum": 0,
          "description": "It ends before this."
        },
        "outcomes": {
          "type": "array",
          "items": {
            "$ref": "#/$defs/ActOutcome"
          },
          "description": "Of the acts of the stretch before, in their order."
        }
      },
      "required": [
        "fromMs",
        "untilMs",
        "outcomes"
      ],
      "additionalProperties": true
    },
    "WorkloadNextResult": {
      "title": "WorkloadNextResult",
      "description": "Result of `workload/next`.",
      "type": "object",
      "properties": {
        "acts": {
          "type": "array",
          "items": {
            "$ref": "#/$defs/Act"
          },
          "description": "Ascending by time, within the stretch.",
          "maxItems": 100000
        }
      },
      "required": [
        "acts"
      ],
      "additionalProperties": true
    },
    "WorkloadNextRequest": {
      "title": "WorkloadNextRequest",
      "description": "The acts of the next stretch of time.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "method": {
          "const": "workload/next"
        },
        "params": {
          "$ref": "#/$defs/WorkloadNextParams"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "method",
        "params"
      ],
      "additionalProperties": true
    },
    "WorkloadNextReply": {
      "title": "WorkloadNextReply",
      "description": "The answer to `workload/next`.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "$ref": "#/$defs/Id"
        },
        "result": {
          "$ref": "#/$defs/WorkloadNextResult"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "result"
      ],
      "additionalProperties": true
    },
    "Fault": {
      "title": "Fault",
      "description": "Why a request was not carried out.",
      "type": "object",
      "properties": {
        "code": {
          "type": "integer",
          "description": "-32700, -32600, -32601, -32602 and -32603 as JSON-RPC has them; -32800 it was cancelled; -32000 it was refused."
        },
        "message": {
          "type": "string",
          "description": "A sentence for people.",
          "maxLength": 4096
        },
        "data": {
          "title": "FaultData",
          "description": "More.",
          "type": "object",
          "properties": {
            "hint": {
              "type": "string",
              "description": "What the person can do, a sentence."
            }
          },
          "additionalProperties": true
        }
      },
      "required": [
        "code",
        "message"
      ],
      "additionalProperties": true
    },
    "Refusal": {
      "title": "Refusal",
      "description": "The answer to a request that was not carried out.",
      "type": "object",
      "properties": {
        "jsonrpc": {
          "const": "2.0"
        },
        "id": {
          "anyOf": [
            {
              "$ref": "#/$defs/Id"
            },
            {
              "type": "null"
            }
          ],
          "description": "null where the request could not be read."
        },
        "error": {
          "$ref": "#/$defs/Fault"
        }
      },
      "required": [
        "jsonrpc",
        "id",
        "error"
      ],
      "additionalProperties": true
    }
  }
};
