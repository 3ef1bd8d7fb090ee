import { describe } from 'vitest'
import { alarmRules } from './alarm-rules.ts'
import { auditRules } from './audit-rules.ts'
import { blockRules } from './block-rules.ts'
import { crashRules } from './crash-rules.ts'
import type { OpenDatabase } from './database-under-test.ts'
import { decisionRules } from './decision-rules.ts'
import { disposalRules } from './disposal-rules.ts'
import { grantRules } from './grant-rules.ts'
import { keyRingRules } from './key-ring-rules.ts'
import { modelRules } from './model-rules.ts'
import { networkRules } from './network-rules.ts'
import { raceRules } from './race-rules.ts'
import { readingRules } from './reading-rules.ts'
import { recordRules } from './record-rules.ts'
import { repeatRules } from './repeat-rules.ts'
import { sealRules } from './seal-rules.ts'
import { sessionRules } from './session-rules.ts'
import { treeRules } from './tree-rules.ts'
import { uploadRules } from './upload-rules.ts'
import { walkRules } from './walk-rules.ts'
import { workRules } from './work-rules.ts'

/** What every adapter of the port `Database` must do. `open` gives an empty database of its own to each test. */
export function databaseContract(name: string, open: OpenDatabase): void {
  describe(`${name} is a Database`, () => {
    describe('reading', () => readingRules(open))
    describe('records', () => recordRules(open))
    describe('uploads in parts', () => uploadRules(open))
    describe('seals and objects', () => sealRules(open))
    describe('walks', () => walkRules(open))
    describe('grants', () => grantRules(open))
    describe('decisions', () => decisionRules(open))
    describe('sessions', () => sessionRules(open))
    describe('blocks', () => blockRules(open))
    describe('alarms', () => alarmRules(open))
    describe('repeats of a call', () => repeatRules(open))
    describe('networks of users', () => networkRules(open))
    describe('key ring', () => keyRingRules(open))
    describe('background work', () => workRules(open))
    describe('audit', () => auditRules(open))
    describe('the tree of the audit log', () => treeRules(open))
    describe('races', () => raceRules(open))
    describe('disposal', () => disposalRules(open))
    describe('crashes', () => crashRules(open))
    describe('against a model', () => modelRules(open))
  })
}
