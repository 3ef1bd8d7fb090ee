import Type from 'typebox'

/** No key that is not named. */
export const closed = { additionalProperties: false } as const

export const Text = Type.String({ minLength: 1 })

export const Origin = Type.String({
  pattern: '^https?://[^/?#\\s]+$',
  description: 'scheme://host[:port], no trailing slash',
})

/** The name of a variable of the environment. */
export const Variable = Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' })
