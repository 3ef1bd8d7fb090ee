import { type Request, Router } from 'express'
import type { Account, Accounts } from './accounts.ts'
import type { ActivityLog } from './activity.ts'
import { attemptLimit } from './attempt-limit.ts'
import type { ObservedVault } from './observed-vault.ts'
import { Refusal } from './refusal.ts'
import { readCredentials, readNewCredentials } from './request-body.ts'
import { COOKIE_NAME } from './sessions.ts'

export interface AccountNeeds {
  readonly accounts: Accounts
  readonly activity: ActivityLog
  readonly vault: ObservedVault
}

/** Whose login a request belongs to; `null` when nobody is logged in. */
export function accountOf({ accounts }: Pick<AccountNeeds, 'accounts'>, req: Request): Account | null {
  const { accountId } = req.session
  return accountId === undefined ? null : accounts.find(accountId)
}

/** @throws Refusal `not_logged_in` */
export function requireAccount(needs: Pick<AccountNeeds, 'accounts'>, req: Request): Account {
  const account = accountOf(needs, req)
  if (account === null) throw new Refusal('not_logged_in')
  return account
}

export function accountRoutes(needs: AccountNeeds): Router {
  const router = Router()
  const guesses = attemptLimit(8, 5 * 60)
  const visitors = attemptLimit(60, 5 * 60)

  router.get('/api/me', (req, res) => {
    const account = accountOf(needs, req)
    res.json({ user: account === null ? null : { name: account.name } })
  })

  router.post('/api/accounts', async (req, res) => {
    const credentials = readNewCredentials(req)
    countAttempt(visitors, addressOf(req))
    const account = await needs.accounts.create(credentials)
    if (account === null) throw new Refusal('name_taken')
    await beginLogin(needs, req, account)
    res.status(201).json({ user: { name: account.name } })
  })

  router.post('/api/login', async (req, res) => {
    const credentials = readCredentials(req)
    const guess = `${addressOf(req)} ${credentials.name}`
    countAttempt(visitors, addressOf(req))
    countAttempt(guesses, guess)
    const account = await needs.accounts.check(credentials)
    if (account === null) throw new Refusal('wrong_credentials')
    guesses.clear(guess)
    await beginLogin(needs, req, account)
    res.json({ user: { name: account.name } })
  })

  router.post('/api/logout', async (req, res) => {
    await endLogin(needs, req)
    await settle((done) => req.session.destroy(done))
    res.clearCookie(COOKIE_NAME, { path: '/' }).json({ user: null })
  })
  return router
}

/** A new session id for each login: one that somebody planted before is worth nothing. */
export async function beginLogin(needs: AccountNeeds, req: Request, account: Account): Promise<void> {
  await endLogin(needs, req)
  await settle((done) => req.session.regenerate(done))
  req.session.accountId = account.id
  await settle((done) => req.session.save(done))
  needs.activity.add(req.sessionID, { kind: 'session', what: `${account.name} logged in.` })
}

/** Ends what belongs to the login, if there is one. The app's session goes whether or not the Tokenizer answers. */
async function endLogin({ activity, vault }: AccountNeeds, req: Request): Promise<void> {
  if (req.session.accountId === undefined) return
  await vault.endSession(req.sessionID)
  activity.end(req.sessionID)
}

function countAttempt(limit: ReturnType<typeof attemptLimit>, key: string): void {
  const retryAfter = limit.take(key)
  if (retryAfter !== null) throw new Refusal('too_many_attempts', { retryAfter })
}

function addressOf(req: Request): string {
  return req.socket.remoteAddress ?? ''
}

function settle(work: (done: (error?: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => work((error) => (error ? reject(error) : resolve())))
}
