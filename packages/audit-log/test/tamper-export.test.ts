import { test } from 'vitest'
import { expectEditsAreFound, expectUneditedIsGood } from './tamper-export.ts'

test('an export that nobody has edited is good, also before witnesses', expectUneditedIsGood)

// Ten thousand of them are in the slow run.
test('each of 1,000 edits of an export is found', () => expectEditsAreFound(1000))
