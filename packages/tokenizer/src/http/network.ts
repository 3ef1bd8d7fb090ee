import ipaddr from 'ipaddr.js'

/**
 * The network that an address is of, as far as limits and the audit log tell callers apart: 24 bits of an IPv4 address,
 * 48 of an IPv6 one (RFC 6177 §2: what a site gets). An IPv4 address in IPv6 clothes (RFC 4291 §2.5.5.2) is one.
 * `null` = not an address.
 */
export function networkOf(address: string): string | null {
  if (!ipaddr.isValid(address)) return null
  const parsed = ipaddr.process(address)
  const bits = parsed.kind() === 'ipv4' ? 24 : 48
  return `${ipaddr.fromByteArray(parsed.toByteArray().fill(0, bits / 8))}/${bits}`
}
