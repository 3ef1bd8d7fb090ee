import Type, { type Static, type TSchema } from 'typebox'
import { LIMITS } from './limits.ts'
import { APP_PATTERN, TOKEN_PATTERN } from './token-id.ts'

/** Who may make a call: anybody, a user's session, an application's server, who runs the installation. */
export type Caller = 'anyone' | 'user' | 'application' | 'operator'

export const closed = { additionalProperties: false } as const
const App = Type.String({ pattern: APP_PATTERN, description: 'The id of a registered application.' })
const OwnApp = Type.String({
  pattern: APP_PATTERN,
  description: 'Whose it is. An operator must say so; an application can only name itself.',
})
const Token = Type.String({
  pattern: TOKEN_PATTERN,
  description: 'lunasec- and a lower-case UUID version 4.',
})
const Tokens = Type.Array(Token, { minItems: 1, maxItems: LIMITS.batchTokens })
const Session = Type.String({
  minLength: 1,
  maxLength: 256,
  description: "The application's name for one login.",
})
const UnixSeconds = Type.Integer({ minimum: 0, description: 'Seconds since 1970-01-01T00:00:00Z.' })
const Jwt = Type.String({ minLength: 1, maxLength: LIMITS.jwtCharacters })
/** Well-formed Unicode without U+0000: a database keeps any other text changed, or not at all, and two of them as one. */
const words = (maxLength: number, description: string) =>
  Type.String({ minLength: 1, maxLength, pattern: '^[^\\u0000\\ud800-\\udfff]*$', description })
const Access = Type.Union([Type.Literal('read'), Type.Literal('store')])
const Duration = Type.Union([Type.Integer(), Type.String({ minLength: 1, maxLength: 32 })], {
  description: 'Seconds, or a text such as 15m or 1h20m10s.',
})
const Accept = Type.Array(Type.Union([Type.Literal('e2e'), Type.Literal('parts'), Type.Literal('mask')]), {
  maxItems: 8,
  description:
    'What the client can do. e2e: encrypt and decrypt values itself. parts: upload a big value in parts. ' +
    'mask: take a part of a value for a part.',
})
const Mask = Type.Object(
  {
    show: Type.Union([Type.Literal('first'), Type.Literal('last')]),
    count: Type.Integer({ minimum: 1, maximum: 64, description: 'Bytes.' }),
  },
  { ...closed, description: 'Only there when the download gives these bytes of the value, and no others.' },
)
const EndToEnd = Type.Object(
  {
    v: Type.Literal(1, { description: 'How the value is padded.' }),
    alg: Type.Literal('Cobblestone-256', { description: 'C2SP chunked-encryption.' }),
    key: Type.String({
      pattern: '^[A-Za-z0-9_-]{43}$',
      description: 'The content key: 32 bytes, base64url.',
    }),
  },
  { ...closed, description: 'Only there when the client encrypts, or decrypts, the value itself.' },
)
const Headers = Type.Record(Type.String(), Type.String(), {
  description: 'What the client must send to the object store with the URL.',
})
const Metadata = Type.Record(Type.String({ maxLength: 128 }), Type.Unknown(), {
  description: `Not secret, sealed at rest, at most ${LIMITS.metadataBytes} bytes of JSON.`,
})
const Nothing = Type.Object({}, closed)

const ErrorBody = Type.Object(
  { name: Type.String(), message: Type.String(), code: Type.String(), requestId: Type.String() },
  closed,
)
export const Failure = Type.Object({ success: Type.Literal(false), error: ErrorBody }, closed)
/** The answer to whatever succeeds. */
export const success = <T extends TSchema>(data: T) =>
  Type.Object({ success: Type.Literal(true), error: Nothing, data }, closed)
/** A batch answers one envelope an item, in the order of the request. */
const results = <T extends TSchema>(data: T) =>
  Type.Object({ results: Type.Array(Type.Union([success(data), Failure])) }, closed)

const Presigned = { headers: Headers, e2e: Type.Optional(EndToEnd) }
const PartNumber = Type.Integer({ minimum: 1, maximum: LIMITS.uploadParts })
const Plan = Type.Object(
  {
    partSize: Type.Integer({ minimum: 1, description: 'Bytes of every part but the last.' }),
    partCount: PartNumber,
  },
  closed,
)
const NewToken = { tokenId: Token, expiresAt: Type.Optional(UnixSeconds), e2e: Type.Optional(EndToEnd) }
const TokenizeData = Type.Union([
  Type.Object({ ...NewToken, uploadUrl: Type.String(), headers: Headers }, closed),
  Type.Object({ ...NewToken, parts: Plan }, closed),
])
const PartsData = Type.Object(
  {
    parts: Type.Array(
      Type.Object({ partNumber: PartNumber, uploadUrl: Type.String(), headers: Headers }, closed),
    ),
    uploaded: Type.Optional(Type.Array(PartNumber, { description: 'Parts that have arrived already.' })),
  },
  closed,
)
const ReceiptData = Type.Object(
  {
    shreddedAt: UnixSeconds,
    objectRemoved: Type.Boolean({ description: 'false: it is removed in the background.' }),
    finalAt: Type.Integer({
      description: 'When no upload URL can bring an object back any more. Unix seconds.',
    }),
  },
  closed,
)
const RekeyData = Type.Union([
  Nothing,
  Type.Object(
    {
      downloadUrl: Type.String(),
      downloadHeaders: Headers,
      downloadE2e: Type.Optional(EndToEnd),
      uploadUrl: Type.String(),
      uploadHeaders: Headers,
      uploadE2e: Type.Optional(EndToEnd),
      ticket: Type.String({ description: 'To be brought back when the new object has been uploaded.' }),
    },
    closed,
  ),
])
const DetokenizeData = Type.Object(
  { downloadUrl: Type.String(), ...Presigned, mask: Type.Optional(Mask) },
  closed,
)
const ValidData = Type.Object({ valid: Type.Boolean() }, closed)
const SessionData = Type.Object({ sessionHash: Type.String(), expiresAt: UnixSeconds }, closed)
const GrantData = Type.Object({ expiresAt: UnixSeconds }, closed)
const Handle = Type.String({ pattern: '^[0-9a-f]{32}$' })
const Cursor = Type.String({ pattern: '^[A-Za-z0-9_-]{85}[AQgw]$' })
const ListedGrant = Type.Object(
  {
    grant: Handle,
    session: Handle,
    token: Handle,
    access: Access,
    expiresAt: UnixSeconds,
    uses: Type.Integer({ minimum: 0 }),
    maxUses: Type.Optional(Type.Integer({ minimum: 1 })),
    purpose: Type.Optional(Type.String()),
  },
  { ...closed, description: 'Handles stand for session and token: equal where those are.' },
)
const GrantsData = Type.Object({ grants: Type.Array(ListedGrant), next: Type.Optional(Cursor) }, closed)
const RevokedData = Type.Object({ revoked: Type.Integer({ minimum: 0 }) }, closed)

const oneOrMany = { tokenId: Type.Optional(Token), tokenIds: Type.Optional(Tokens) }
const exactlyOne = { ...closed, oneOf: [{ required: ['tokenId'] }, { required: ['tokenIds'] }] }

/** `all` is said alone, so that a name that got lost does not revoke everything. */
const CONTRADICTIONS = [
  { required: ['tokenId', 'tokenIds'] },
  ...['sessionId', 'tokenId', 'tokenIds'].map((name) => ({ required: ['all', name] })),
]
const Scope = Type.Union(
  [Type.Literal('token'), Type.Literal('session'), Type.Literal('app'), Type.Literal('everything')],
  { description: 'What is stopped. everything: operators only.' },
)
const BlockId = Type.String({ pattern: '^[0-9a-f]{32}$' })
const BlockNames = {
  tokenId: Type.Optional(Token),
  sessionId: Type.Optional(Session),
  app: Type.Optional(OwnApp),
}
const BlockReason = Type.Union([
  Type.Literal('compromise'),
  Type.Literal('fraud'),
  Type.Literal('investigation'),
  Type.Literal('maintenance'),
  Type.Literal('other'),
])
const BlockEffect = Type.Union([Type.Literal('freeze'), Type.Literal('step-up')])
const BlockData = Type.Object(
  {
    blockId: BlockId,
    scope: Scope,
    app: Type.Optional(App),
    setBy: Type.Union([Type.Literal('application'), Type.Literal('operator'), Type.Literal('system')]),
    reason: Type.Union([BlockReason, Type.Literal('alarm')]),
    effect: BlockEffect,
    since: UnixSeconds,
    until: Type.Optional(UnixSeconds),
  },
  closed,
)

/** The wire, call by call. The service registers its routes from this table, and openapi.json is made from it. */
export const CALLS = {
  challenge: {
    method: 'POST',
    path: '/session/challenge',
    callers: ['anyone'],
    status: 200,
    summary: 'A challenge for a new session',
    body: Type.Object({ app: App }, closed),
    data: Type.Object({ challenge: Type.String(), expiresAt: UnixSeconds }, closed),
  },
  openSession: {
    method: 'POST',
    path: '/session',
    callers: ['anyone'],
    status: 200,
    summary: 'Trade an assertion of the application and a proof of the frame for a session',
    body: Type.Object(
      { assertion: Jwt, proof: Jwt, keep: Type.Union([Type.Literal('cookie'), Type.Literal('memory')]) },
      closed,
    ),
    data: Type.Object(
      { sessionHash: Type.String(), expiresAt: UnixSeconds, accessToken: Type.Optional(Type.String()) },
      closed,
    ),
  },
  readSession: {
    method: 'GET',
    path: '/session',
    callers: ['user'],
    status: 200,
    summary: 'The state of this session',
    body: null,
    data: SessionData,
  },
  closeSession: {
    method: 'DELETE',
    path: '/session',
    callers: ['user'],
    status: 200,
    summary: 'Log out here',
    body: null,
    data: Nothing,
  },
  revokeSession: {
    method: 'POST',
    path: '/session/revoke',
    callers: ['application'],
    idempotencyKey: true,
    status: 200,
    summary: 'End a session everywhere, with its grants',
    body: Type.Object({ sessionId: Session }, closed),
    data: Nothing,
  },
  tokenize: {
    method: 'POST',
    path: '/tokenize',
    callers: ['user', 'application'],
    status: 200,
    summary: 'A new token, and where to upload its value',
    body: Type.Object(
      {
        metadata: Type.Optional(Metadata),
        contentLength: Type.Optional(Type.Integer({ minimum: 0, maximum: LIMITS.objectBytes })),
        ttl: Type.Optional(Duration),
        accept: Type.Optional(Accept),
        honeytoken: Type.Optional(
          Type.Boolean({ description: 'Whoever touches the token raises an alarm. Applications only.' }),
        ),
      },
      closed,
    ),
    data: TokenizeData,
  },
  uploadParts: {
    method: 'POST',
    path: '/upload/parts',
    callers: ['user', 'application'],
    status: 200,
    summary: 'Where to upload the next parts of a value, and which have arrived',
    body: Type.Object(
      {
        tokenId: Token,
        partNumbers: Type.Optional(
          Type.Array(PartNumber, { maxItems: LIMITS.partsAtOnce, uniqueItems: true }),
        ),
        resume: Type.Optional(Type.Boolean()),
      },
      closed,
    ),
    data: PartsData,
  },
  completeUpload: {
    method: 'POST',
    path: '/upload/complete',
    callers: ['user', 'application'],
    idempotencyKey: true,
    status: 200,
    summary: 'Put the parts of a value together',
    body: Type.Object({ tokenId: Token }, closed),
    data: Nothing,
  },
  abortUpload: {
    method: 'POST',
    path: '/upload/abort',
    callers: ['user', 'application'],
    status: 200,
    summary: 'Give up an upload in parts',
    body: Type.Object({ tokenId: Token }, closed),
    data: Nothing,
  },
  detokenize: {
    method: 'POST',
    path: '/detokenize',
    callers: ['user', 'application'],
    status: 200,
    summary: 'Where to download the value of a token, and the key',
    body: Type.Object(
      {
        ...oneOrMany,
        accept: Type.Optional(Accept),
        full: Type.Optional(
          Type.Boolean({ description: 'The user has asked to see more than a part; a policy decides.' }),
        ),
      },
      exactlyOne,
    ),
    data: Type.Union([DetokenizeData, results(DetokenizeData)]),
  },
  readMetadata: {
    method: 'POST',
    path: '/metadata/get',
    callers: ['user', 'application'],
    status: 200,
    summary: 'The metadata of a token',
    body: Type.Object({ tokenId: Token }, closed),
    data: Type.Object({ metadata: Metadata }, closed),
  },
  setGrant: {
    method: 'POST',
    path: '/grant/set',
    callers: ['application'],
    idempotencyKey: true,
    status: 200,
    summary: 'Allow a session to read or to store tokens, all or none',
    body: Type.Object(
      {
        sessionId: Session,
        ...oneOrMany,
        access: Type.Optional(Access),
        ttl: Type.Optional(Duration),
        customDuration: Type.Optional(Duration),
        maxUses: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.grantUses })),
        purpose: Type.Optional(words(LIMITS.purposeCharacters, 'Why, in the words of the application.')),
      },
      exactlyOne,
    ),
    data: Type.Union([GrantData, results(GrantData)]),
  },
  verifyGrant: {
    method: 'POST',
    path: '/grant/verify',
    callers: ['application'],
    idempotencyKey: true,
    status: 200,
    summary: 'Whether a session holds a grant for tokens',
    body: Type.Object(
      {
        sessionId: Session,
        ...oneOrMany,
        access: Type.Optional(Access),
        consume: Type.Optional(Type.Boolean()),
        record: Type.Optional(
          words(
            LIMITS.recordCharacters,
            'Where the tokens are stored, in the words of the application. Needs consume.',
          ),
        ),
      },
      exactlyOne,
    ),
    data: Type.Union([ValidData, results(ValidData)]),
  },
  revokeGrant: {
    method: 'POST',
    path: '/grant/revoke',
    callers: ['application'],
    idempotencyKey: true,
    status: 200,
    summary: 'Withdraw grants by session, by token, by both, or all of them',
    body: Type.Object(
      { sessionId: Type.Optional(Session), ...oneOrMany, all: Type.Optional(Type.Literal(true)) },
      { ...closed, minProperties: 1, not: { anyOf: CONTRADICTIONS } },
    ),
    data: RevokedData,
  },
  listGrants: {
    method: 'POST',
    path: '/grant/list',
    callers: ['application'],
    status: 200,
    summary: 'What the application has granted and has not expired, by session, by token, or all',
    body: Type.Object(
      {
        sessionId: Type.Optional(Session),
        tokenId: Type.Optional(Token),
        access: Type.Optional(Access),
        after: Type.Optional(Cursor),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.grantsAtOnce })),
      },
      closed,
    ),
    data: GrantsData,
  },
  deleteToken: {
    method: 'POST',
    path: '/token/delete',
    callers: ['application', 'operator'],
    idempotencyKey: true,
    status: 200,
    summary: 'Shred the keys of a token, then remove its object',
    body: Type.Object({ tokenId: Token, app: Type.Optional(OwnApp) }, closed),
    data: ReceiptData,
  },
  rekeyToken: {
    method: 'POST',
    path: '/token/rekey',
    callers: ['application'],
    status: 200,
    summary: 'A new data key and a new object for a token, which stays the same',
    body: Type.Object(
      {
        tokenId: Token,
        by: Type.Optional(Type.Union([Type.Literal('store'), Type.Literal('client')])),
      },
      closed,
    ),
    data: RekeyData,
  },
  completeRekey: {
    method: 'POST',
    path: '/token/rekey/complete',
    callers: ['application'],
    status: 200,
    summary: 'End a re-keying by the client, once the new object has been uploaded',
    body: Type.Object({ tokenId: Token, ticket: Type.String({ minLength: 1, maxLength: 1024 }) }, closed),
    data: Nothing,
  },
  setBlock: {
    method: 'POST',
    path: '/block/set',
    callers: ['application', 'operator'],
    status: 200,
    summary: 'Stop a token, a session, an app or everything, on every node',
    body: Type.Object(
      {
        scope: Scope,
        ...BlockNames,
        ttl: Type.Optional(Duration),
        reason: Type.Optional(BlockReason),
        effect: Type.Optional(BlockEffect),
      },
      closed,
    ),
    data: Type.Object({ blockId: BlockId, until: Type.Optional(UnixSeconds) }, closed),
  },
  liftBlock: {
    method: 'POST',
    path: '/block/lift',
    callers: ['application', 'operator'],
    status: 200,
    summary: 'Lift blocks, by what they stop or by id',
    body: Type.Object(
      { blockId: Type.Optional(BlockId), scope: Type.Optional(Scope), ...BlockNames },
      closed,
    ),
    data: Type.Object({ lifted: Type.Integer({ minimum: 0 }) }, closed),
  },
  listBlocks: {
    method: 'POST',
    path: '/block/list',
    callers: ['application', 'operator'],
    status: 200,
    summary: 'What is stopped now, the youngest first',
    body: Type.Object({ app: Type.Optional(OwnApp) }, closed),
    data: Type.Object({ blocks: Type.Array(BlockData) }, closed),
  },
} as const satisfies Record<string, Call>

/** One row of the table. `body` is null where the call takes none. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly callers: readonly Caller[]
  readonly status: 200
  /** Whether it takes `Idempotency-Key`. @default false: there the header is ignored */
  readonly idempotencyKey?: true
  readonly summary: string
  readonly body: TSchema | null
  readonly data: TSchema
}

export type CallName = keyof typeof CALLS
export type Data<N extends CallName> = Static<(typeof CALLS)[N]['data']>
export type Body<N extends CallName> = (typeof CALLS)[N]['body'] extends TSchema
  ? Static<(typeof CALLS)[N]['body']>
  : null
export type FailureBody = Static<typeof Failure>
/** What a client needs to encrypt or decrypt a value itself. */
export type EndToEndKey = Static<typeof EndToEnd>

/** The schema of a whole answer of a call that succeeded. */
export function answerSchema(call: Call): TSchema {
  return success(call.data)
}
