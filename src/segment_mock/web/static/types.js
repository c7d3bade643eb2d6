// The shapes of what the control plane returns; see /_mock/openapi.json.

/**
 * @typedef {{table: string, added: number, updated: number, removed: number}} ChangeCount
 *
 * @typedef {object} Call A call without headers and bodies.
 * @property {number} id
 * @property {string} time
 * @property {string} vendor
 * @property {string} operation
 * @property {string} method
 * @property {string} path
 * @property {string} door
 * @property {string} organization
 * @property {number | null} status
 * @property {string} outcome
 * @property {number} duration
 * @property {string} refusal
 * @property {string} hint
 * @property {string[]} faults
 * @property {string[]} unread
 * @property {ChangeCount[]} changes
 * @property {string} caller
 * @property {string} test
 * @property {string} fingerprint
 *
 * @typedef {Record<string, any>} Row A record with the names of the API.
 * @typedef {{vendor?: string, table: string, key: any, before: Row | null, after: Row | null}} Change
 * @typedef {{headers: Record<string, string>, body: any}} Message
 * @typedef {Omit<Call, "changes" | "fingerprint"> & {changes: Change[], request: Message, response: Message}} Entry
 *
 * @typedef {{vendor: string, table: string, records: number}} TableCount
 * @typedef {{name: string, tables: TableCount[]}} Organization
 *
 * @typedef {object} Setting
 * @property {string} name
 * @property {string} help
 * @property {string} type
 * @property {any} default
 * @property {string[]} choices
 * @property {number | null} min
 * @property {number | null} max
 *
 * @typedef {{name: string, about: string, settings: Setting[], operations: string[]}} FaultKind
 * @typedef {{name: string, about: string, faults: Row[]}} Scenario
 *
 * @typedef {object} ArmedFault
 * @property {string} id
 * @property {string} kind
 * @property {string} operation
 * @property {Row} when
 * @property {number} seen
 * @property {number} matched
 * @property {number} fired
 * @property {number} suppressed
 * @property {string} why
 * @property {string} where
 *
 * @typedef {{now: string, frozen: boolean}} Clock
 *
 * @typedef {object} Example
 * @property {string} name
 * @property {string} title
 * @property {string} mark
 * @property {string} source
 * @property {string} operation
 * @property {number} status
 * @property {{method: string, path: string, headers?: Record<string, string>, body?: any}} request
 *
 * @typedef {{name: string, method: string, path: string, summary: string, source: string, mark: string, examples: string[]}} Operation
 * @typedef {{name: string, rule: string, choice: string, setting: string | null, reason: string}} Assumption
 *
 * @typedef {object} Vendor
 * @property {string} name
 * @property {string} title
 * @property {string[]} hosts
 * @property {string} key_header
 * @property {Operation[]} operations
 * @property {Assumption[]} assumptions
 *
 * @typedef {object} Panel
 * @property {HTMLElement} element
 * @property {() => void} show Called when it comes into view.
 * @property {(kind: string, data: any) => void} event Called with each event, in view or not.
 */

export {};
