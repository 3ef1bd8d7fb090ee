import { type AppId, LunaDefendError } from '@lunadefend/contract'
import {
  type Caller,
  closeSession,
  issueChallenge,
  openSession,
  revokeSession,
  type User,
} from '@lunadefend/core'
import type { FastifyInstance } from 'fastify'
import { isOwnFrame } from '../authenticate.ts'
import { expiredCookie, sessionCookie } from '../cookies.ts'
import { serve } from '../serve.ts'
import { verifyExchange } from '../session-exchange.ts'
import { readSessionId } from '../session-id.ts'
import type { House } from './house.ts'

export function sessionRoutes(server: FastifyInstance, { gate, needs, apps, publicUrl }: House): void {
  serve(server, gate, 'challenge', async ({ body }) => {
    if (!apps.has(body.app)) throw new LunaDefendError('unauthenticated')
    return issueChallenge(needs, body.app as AppId)
  })

  serve(server, gate, 'openSession', async ({ caller, body, request, reply }) => {
    if (!isOwnFrame(publicUrl, request)) throw new LunaDefendError('unauthenticated')
    const exchange = await verifyExchange(needs, apps, publicUrl, body)
    const opened = exchange && (await openSession(needs, exchange.verified, caller))
    if (!exchange || !opened) throw new LunaDefendError('unauthenticated')
    const { accessToken, ...session } = opened
    reply.header('lunasec-session-hash', session.sessionHash)
    if (body.keep === 'memory') return opened
    reply.header('set-cookie', sessionCookie(apps, exchange.app, accessToken))
    return session
  })

  serve(server, gate, 'readSession', async ({ caller }) => {
    const { sessionHash, expiresAt } = caller.actor as User
    return { sessionHash, expiresAt: Math.floor(expiresAt / 1000) }
  })

  serve(server, gate, 'closeSession', async ({ caller, reply }) => {
    await closeSession(needs, caller as Caller<User>)
    const app = apps.get(caller.actor.app)
    if (app !== undefined) reply.header('set-cookie', expiredCookie(apps, app))
    return {}
  })

  serve(server, gate, 'revokeSession', async ({ body, once }) => {
    const sid = readSessionId(body.sessionId)
    await once((by) => revokeSession(needs, by, sid))
    return {}
  })
}
