import { applicationTokens } from './application-token.ts'
import { makeOperatorBlocks, type OperatorBlocks } from './blocks.ts'
import { type OperatorOptions, readOperatorSettings } from './settings.ts'
import { tokenizerCalls } from './tokenizer-call.ts'

/**
 * LunaDefend for those who run it. An operator can stop things, of any application and all at once, and can neither open
 * a session nor set a grant nor get a value. It holds the operator's key, which shows in no inspection, error or JSON.
 *
 * Every method rejects with a `LunaDefendClientError`.
 */
export class LunaDefendOperator {
  /** The kill switch. */
  readonly blocks: OperatorBlocks

  /** @throws LunaDefendClientError `invalid_option` or `invalid_signing_key`, at once; the key is never repeated. */
  constructor(options: OperatorOptions) {
    const settings = readOperatorSettings(options)
    this.blocks = makeOperatorBlocks(tokenizerCalls(settings, applicationTokens(settings)))
  }
}
