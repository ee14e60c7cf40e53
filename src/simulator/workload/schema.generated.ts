/** Generated from protocol/workload.schema.json by `npm run generate`; do not edit. */
export const schema = {
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "$id": "urn:migrascope:workload:1",
  "title": "WorkloadDescription",
  "description": "What the programs of a simulated guest do to its disk. protocol/WORKLOAD.md is the prose.",
  "type": "object",
  "properties": {
    "$schema": {
      "description": "For editors; means nothing here.",
      "type": "string"
    },
    "name": {
      "$ref": "#/$defs/Name"
    },
    "description": {
      "description": "One sentence for people.",
      "type": "string",
      "minLength": 1,
      "maxLength": 500
    },
    "background": {
      "description": "What real systems do, and why the numbers are what they are.",
      "type": "string",
      "maxLength": 5000
    },
    "files": {
      "description": "What is on the disk, or can be: together at most 90 % of it.",
      "type": "array",
      "items": {
        "$ref": "#/$defs/Files"
      },
      "maxItems": 1000
    },
    "writers": {
      "description": "The programs; each goes its own way, and waits only for its own calls.",
      "type": "array",
      "items": {
        "$ref": "#/$defs/Writer"
      },
      "maxItems": 100
    }
  },
  "required": [
    "name",
    "description",
    "files",
    "writers"
  ],
  "additionalProperties": false,
  "$defs": {
    "Name": {
      "title": "Name",
      "description": "A name: small letters, digits and hyphens, at most 64, such as \"mail-queue\".",
      "type": "string",
      "pattern": "^[a-z0-9][a-z0-9-]{0,63}$"
    },
    "FilesName": {
      "title": "FilesName",
      "description": "The name of an entry of `files`, such as \"mail-queue\".",
      "type": "string",
      "pattern": "^[a-z0-9][a-z0-9-]{0,63}$"
    },
    "Size": {
      "title": "Size",
      "description": "A size: a number and B, KiB, MiB, GiB, TiB, pages or %, such as \"64 KiB\" or \"12.5 %\".",
      "type": "string",
      "pattern": "^[0-9]{1,12}(\\.[0-9]{1,12})? ?(B|KiB|MiB|GiB|TiB|pages?|%)$"
    },
    "Share": {
      "title": "Share",
      "description": "A share from 0 % to 100 %, such as \"25 %\".",
      "type": "string",
      "pattern": "^(100(\\.0{1,12})?|[0-9]{1,2}(\\.[0-9]{1,12})?) ?%$"
    },
    "Duration": {
      "title": "Duration",
      "description": "A time: a number and ms, s, min or h, such as \"30 s\".",
      "type": "string",
      "pattern": "^[0-9]{1,12}(\\.[0-9]{1,12})? ?(ms|s|min|h)$"
    },
    "Rate": {
      "title": "Rate",
      "description": "A rate: a number and operations, pages, B, KiB, MiB or GiB a second, such as \"200 pages/s\".",
      "type": "string",
      "pattern": "^[0-9]{1,12}(\\.[0-9]{1,12})? ?(operations?|pages?|B|KiB|MiB|GiB)/s$"
    },
    "SizeRange": {
      "title": "SizeRange",
      "description": "From the first size to the second, each as likely.",
      "type": "array",
      "items": {
        "$ref": "#/$defs/Size"
      },
      "minItems": 2,
      "maxItems": 2
    },
    "Sizes": {
      "title": "Sizes",
      "description": "A size, or the smallest and the largest, such as [\"4 KiB\", \"64 KiB\"]; % is of the file's size.",
      "oneOf": [
        {
          "$ref": "#/$defs/Size"
        },
        {
          "$ref": "#/$defs/SizeRange"
        }
      ]
    },
    "Each": {
      "title": "Each",
      "description": "The step is taken in every Nth operation only, from the Nth on.",
      "type": "integer",
      "minimum": 1,
      "maximum": 1000000000
    },
    "Times": {
      "title": "Times",
      "description": "So often in one operation, each time in a place of its own.",
      "type": "integer",
      "minimum": 1,
      "maximum": 100000
    },
    "Simple": {
      "title": "SimplePlace",
      "description": "\"anywhere\" (each place as likely), \"in order\" (on from the last place, and from the end back to the start) or \"start\".",
      "enum": [
        "anywhere",
        "in order",
        "start"
      ]
    },
    "Zipf": {
      "title": "ZipfPlace",
      "description": "Some places far more often than others: the one of rank r in proportion to 1 / r^zipf; ranks are scattered.",
      "type": "object",
      "properties": {
        "zipf": {
          "description": "The exponent: 0 is uniform, 1 is usual.",
          "type": "number",
          "minimum": 0,
          "maximum": 5
        },
        "unit": {
          "$ref": "#/$defs/Size"
        }
      },
      "required": [
        "zipf"
      ],
      "additionalProperties": false
    },
    "Hot": {
      "title": "HotPlace",
      "description": "A part gets most of it; the part is scattered.",
      "type": "object",
      "properties": {
        "hot": {
          "$ref": "#/$defs/Share"
        },
        "gets": {
          "$ref": "#/$defs/Share"
        },
        "unit": {
          "$ref": "#/$defs/Size"
        }
      },
      "required": [
        "hot",
        "gets"
      ],
      "additionalProperties": false
    },
    "Where": {
      "title": "Where",
      "description": "A place: \"anywhere\", \"in order\", \"start\", {\"zipf\": EXPONENT, \"unit\": SIZE} or {\"hot\": SHARE, \"gets\": SHARE, \"unit\": SIZE}.",
      "oneOf": [
        {
          "$ref": "#/$defs/Simple"
        },
        {
          "$ref": "#/$defs/Zipf"
        },
        {
          "$ref": "#/$defs/Hot"
        }
      ]
    },
    "Files": {
      "title": "Files",
      "description": "A file, or many alike.",
      "type": "object",
      "properties": {
        "name": {
          "$ref": "#/$defs/Name"
        },
        "path": {
          "title": "Path",
          "description": "An absolute path of at most 255 characters; of many files with #### for the number of each, such as \"/mnt/mail-####\".",
          "type": "string",
          "pattern": "^/[^\\u0000-\\u001f]*$",
          "maxLength": 255
        },
        "size": {
          "$ref": "#/$defs/Size"
        },
        "together": {
          "$ref": "#/$defs/Size"
        },
        "count": {
          "description": "How many there are; 1 unless told.",
          "type": "integer",
          "minimum": 1,
          "maximum": 100000
        },
        "firstNumber": {
          "description": "The number of the first; 1 unless told.",
          "type": "integer",
          "minimum": 0,
          "maximum": 1000000000
        },
        "laidOut": {
          "description": "What is there before the workload begins: true (all, in full size; unless told), \"empty\" (all, without content), or false (none).",
          "enum": [
            true,
            "empty",
            false
          ]
        }
      },
      "required": [
        "name",
        "path"
      ],
      "additionalProperties": false
    },
    "Phase": {
      "title": "Phase",
      "description": "A time in which the writer is at work.",
      "type": "object",
      "properties": {
        "from": {
          "$ref": "#/$defs/Duration"
        },
        "to": {
          "$ref": "#/$defs/Duration"
        },
        "rate": {
          "$ref": "#/$defs/Rate"
        }
      },
      "required": [],
      "additionalProperties": false
    },
    "Writer": {
      "title": "Writer",
      "description": "A program: what one operation of it is, and how often it does that.",
      "type": "object",
      "properties": {
        "name": {
          "$ref": "#/$defs/Name"
        },
        "rate": {
          "$ref": "#/$defs/Rate"
        },
        "every": {
          "$ref": "#/$defs/Duration"
        },
        "phases": {
          "description": "When it is at work, in the order of time; always, unless told.",
          "type": "array",
          "items": {
            "$ref": "#/$defs/Phase"
          },
          "minItems": 1,
          "maxItems": 100
        },
        "repeat": {
          "$ref": "#/$defs/Duration"
        },
        "turnsApart": {
          "description": "Whether each turn stands for itself: what it did beyond its share is not taken off the next turn's, and `each` counts anew. The real lab's programs are like that. False unless told.",
          "type": "boolean"
        },
        "pick": {
          "$ref": "#/$defs/Where"
        },
        "do": {
          "description": "One operation: its steps, one after the other.",
          "type": "array",
          "items": {
            "$ref": "#/$defs/Step"
          },
          "minItems": 1,
          "maxItems": 50
        }
      },
      "required": [
        "name",
        "do"
      ],
      "additionalProperties": false
    },
    "Step": {
      "title": "Step",
      "description": "A step does one of: write, append, create, read, fsync, fdatasync, truncate, rename, delete.",
      "oneOf": [
        {
          "$ref": "#/$defs/Write"
        },
        {
          "$ref": "#/$defs/Append"
        },
        {
          "$ref": "#/$defs/Create"
        },
        {
          "$ref": "#/$defs/Read"
        },
        {
          "$ref": "#/$defs/Fsync"
        },
        {
          "$ref": "#/$defs/Fdatasync"
        },
        {
          "$ref": "#/$defs/Truncate"
        },
        {
          "$ref": "#/$defs/Rename"
        },
        {
          "$ref": "#/$defs/Delete"
        }
      ]
    },
    "Write": {
      "title": "WriteStep",
      "description": "Writes in the file, through the page cache or past it.",
      "type": "object",
      "properties": {
        "write": {
          "$ref": "#/$defs/FilesName"
        },
        "where": {
          "$ref": "#/$defs/Where"
        },
        "size": {
          "$ref": "#/$defs/Sizes"
        },
        "times": {
          "$ref": "#/$defs/Times"
        },
        "direct": {
          "description": "Past the page cache (O_DIRECT), within the file as long as it is.",
          "type": "boolean"
        },
        "each": {
          "$ref": "#/$defs/Each"
        },
        "chance": {
          "$ref": "#/$defs/Share"
        }
      },
      "required": [
        "write"
      ],
      "additionalProperties": false
    },
    "Append": {
      "title": "AppendStep",
      "description": "Writes at the end; a file that is full (its size in `files`) is emptied first.",
      "type": "object",
      "properties": {
        "append": {
          "$ref": "#/$defs/FilesName"
        },
        "size": {
          "$ref": "#/$defs/Sizes"
        },
        "times": {
          "$ref": "#/$defs/Times"
        },
        "each": {
          "$ref": "#/$defs/Each"
        },
        "chance": {
          "$ref": "#/$defs/Share"
        }
      },
      "required": [
        "append"
      ],
      "additionalProperties": false
    },
    "Create": {
      "title": "CreateStep",
      "description": "Makes the file, or empties it, and writes that much; the whole unless told.",
      "type": "object",
      "properties": {
        "create": {
          "$ref": "#/$defs/FilesName"
        },
        "size": {
          "$ref": "#/$defs/Sizes"
        },
        "each": {
          "$ref": "#/$defs/Each"
        },
        "chance": {
          "$ref": "#/$defs/Share"
        }
      },
      "required": [
        "create"
      ],
      "additionalProperties": false
    },
    "Read": {
      "title": "ReadStep",
      "description": "Reads within the file.",
      "type": "object",
      "properties": {
        "read": {
          "$ref": "#/$defs/FilesName"
        },
        "where": {
          "$ref": "#/$defs/Where"
        },
        "size": {
          "$ref": "#/$defs/Sizes"
        },
        "times": {
          "$ref": "#/$defs/Times"
        },
        "each": {
          "$ref": "#/$defs/Each"
        },
        "chance": {
          "$ref": "#/$defs/Share"
        }
      },
      "required": [
        "read"
      ],
      "additionalProperties": false
    },
    "Fsync": {
      "title": "FsyncStep",
      "description": "Waits until the file's data and metadata are on the disk.",
      "type": "object",
      "properties": {
        "fsync": {
          "$ref": "#/$defs/FilesName"
        },
        "after": {
          "$ref": "#/$defs/Size"
        },
        "each": {
          "$ref": "#/$defs/Each"
        },
        "chance": {
          "$ref": "#/$defs/Share"
        }
      },
      "required": [
        "fsync"
      ],
      "additionalProperties": false
    },
    "Fdatasync": {
      "title": "FdatasyncStep",
      "description": "Waits until the file's data are on the disk.",
      "type": "object",
      "properties": {
        "fdatasync": {
          "$ref": "#/$defs/FilesName"
        },
        "after": {
          "$ref": "#/$defs/Size"
        },
        "each": {
          "$ref": "#/$defs/Each"
        },
        "chance": {
          "$ref": "#/$defs/Share"
        }
      },
      "required": [
        "fdatasync"
      ],
      "additionalProperties": false
    },
    "Truncate": {
      "title": "TruncateStep",
      "description": "Cuts the file; to nothing unless told.",
      "type": "object",
      "properties": {
        "truncate": {
          "$ref": "#/$defs/FilesName"
        },
        "to": {
          "$ref": "#/$defs/Size"
        },
        "each": {
          "$ref": "#/$defs/Each"
        },
        "chance": {
          "$ref": "#/$defs/Share"
        }
      },
      "required": [
        "truncate"
      ],
      "additionalProperties": false
    },
    "Rename": {
      "title": "RenameStep",
      "description": "Renames the file over another one.",
      "type": "object",
      "properties": {
        "rename": {
          "$ref": "#/$defs/FilesName"
        },
        "to": {
          "$ref": "#/$defs/FilesName"
        },
        "each": {
          "$ref": "#/$defs/Each"
        },
        "chance": {
          "$ref": "#/$defs/Share"
        }
      },
      "required": [
        "rename",
        "to"
      ],
      "additionalProperties": false
    },
    "Delete": {
      "title": "DeleteStep",
      "description": "Unlinks the file.",
      "type": "object",
      "properties": {
        "delete": {
          "$ref": "#/$defs/FilesName"
        },
        "each": {
          "$ref": "#/$defs/Each"
        },
        "chance": {
          "$ref": "#/$defs/Share"
        }
      },
      "required": [
        "delete"
      ],
      "additionalProperties": false
    }
  }
};
