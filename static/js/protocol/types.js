// SPDX-License-Identifier: MIT
// The shapes that the library hands out and takes, for people and for the type checker; no code.
// @ts-check

/**
 * A message of a room.
 * @typedef {object} Message
 * @property {number} seq  counts the room's records 1, 2, 3...; 0 when the server keeps none
 * @property {number} ts  milliseconds since 1970, always a valid Date; 0 when unknown
 * @property {string} user
 * @property {string} text
 * @property {string} cid  what its sender drew for it; means something only together with the own name; '' when none
 */

/**
 * The server's first frame. Members that are missing or odd have safe defaults.
 * @typedef {object} Hello
 * @property {string} user  our name; a guest gets another one with each connection
 * @property {string} session
 * @property {string} instance  which server process answered
 * @property {string} server  its name and version
 * @property {ReadonlySet<string>} features  what this server offers: hide the rest
 * @property {number} pingMs
 * @property {number} leftMs  how long the session lasts from now on; 0 when it has no end
 * @property {Limits} limits
 */

/**
 * @typedef {object} Limits
 * @property {number} messageBytes  the largest frame the server takes
 * @property {number} textBytes  the longest text, in bytes of UTF-8
 * @property {number} rooms  how many rooms one connection may be in
 * @property {number} resume  who missed more than this begins with the latest page
 */

/**
 * - `connecting`: dialing, or hello has not come yet
 * - `online`: hello has come
 * - `waiting`: the next attempt is at `retryAt`
 * - `closed`: for good, by `close()` or because the server said so (4500-4999); also before `open()`
 * @typedef {'connecting' | 'online' | 'waiting' | 'closed'} Phase
 */

/**
 * @typedef {object} Status
 * @property {Phase} phase
 * @property {number} attempt  lost lines and failed attempts in a row; 0 again some seconds after hello
 * @property {number} retryAt  milliseconds since 1970; 0 unless waiting
 * @property {number} code  the close code that led here; 0 when there was none
 * @property {string} reason  what the server said to it, for people
 */

/**
 * What a client holds of a room: all records up to `seq`, in one life (`epoch`) of the server's store.
 * @typedef {{epoch: string, seq: number}} Position
 */

/**
 * The answer to a join. Without a store `epoch` is '' and the numbers are 0.
 * @typedef {object} Joined
 * @property {string} epoch
 * @property {number} seq  the records after this one follow
 * @property {number} top  the last record when we came in: what is above it is live
 * @property {boolean} recovered  everything we missed follows, and nothing we have
 * @property {boolean} resumed  we had told a position. With `recovered` false records are missing before what follows
 */

/**
 * Records of a room, oldest first.
 * @typedef {object} Page
 * @property {Message[]} messages  may be shorter than asked for, even empty, and have more
 * @property {string} epoch
 * @property {number} top
 * @property {boolean} more  there are further ones in the direction that was asked for
 * @property {number} next  the `before` or `after` to ask for them with; 0 when none
 */

/** @typedef {{before?: number, after?: number, limit?: number}} PageQuery */

/**
 * @typedef {object} Sent
 * @property {number} seq  0 when the server keeps no messages
 * @property {number} ts  0 when unknown
 * @property {boolean} duplicate  an earlier try had arrived already
 */

/**
 * A message on its way.
 * @typedef {object} Waiting
 * @property {string} cid
 * @property {string} text
 * @property {number} firstSentAt  when it first went out without a clear answer, in ms since 1970; 0: it did not
 */

/** @typedef {{cid?: string, firstSentAt?: number}} SendOptions */

/**
 * What a ChatClient tells. All are optional. The client's own state is up to date before each call, and any of its
 * methods may be called from within. No callback but onStatus runs inside a call to the client.
 * @typedef {object} ChatEvents
 * @property {(status: Status) => void} [onStatus]
 * @property {(hello: Hello) => void} [onHello]
 *     Before status `online`, and before anything is joined or sent: `close()` here keeps it all back.
 * @property {() => void} [onUnreachable]
 *     An attempt ended before hello. Browsers do not say why: ask HttpApi.me().
 * @property {() => void} [onExpiring]
 *     A good part of the session is over: HttpApi.renew(), then refresh(). Asked again until the end has moved.
 * @property {(room: string, joined: Joined) => void} [onJoined]  after each reconnect again
 * @property {(room: string, error: import('./errors.js').ChatError, final: boolean) => void} [onJoinFailed]
 *     `final`: it is not tried again and the room is no longer wanted. Its waiting messages stay.
 * @property {(room: string, message: Message, live: boolean) => void} [onMessage]
 *     `live`: written since we came in, or the server keeps no messages.
 * @property {(room: string, record: Readonly<Record<string, unknown>>) => void} [onRecord]
 *     A record of a kind this library does not know, as it came.
 * @property {(room: string, user: string, typing: boolean) => void} [onTyping]
 *     Forget it after six seconds of silence or when a message of that user comes.
 * @property {(room: string, from: number, to: number) => void} [onGap]  these records do not come by themselves
 * @property {(room: string, seq: number, epoch: string) => void} [onReset]  what you hold after `seq` is void
 * @property {(room: string, cid: string, firstSentAt: number) => void} [onSending]
 *     It went out for the first time: who keeps the outbox over a reload keeps this time with it.
 * @property {(room: string, cid: string, sent: Sent) => void} [onSent]  once for each message
 * @property {(room: string, cid: string, error: import('./errors.js').ChatError) => void} [onSendFailed]
 *     It is no longer tried. With code `unknown` it may have arrived all the same.
 */

/**
 * The part of a WebSocket that is needed.
 * @typedef {object} Socket
 * @property {((event: any) => void) | null} onmessage
 * @property {((event: any) => void) | null} onclose
 * @property {((event: any) => void) | null} onerror
 * @property {(data: string) => void} send
 * @property {() => void} close
 */

/**
 * What the library takes from the world, for tests and for places without a browser.
 * @typedef {object} Seams
 * @property {new (url: string, subprotocol: string) => Socket} WebSocket
 * @property {() => number} now  milliseconds since 1970
 * @property {(action: () => void, ms: number) => unknown} setTimeout
 * @property {(timer: any) => void} clearTimeout
 * @property {() => number} random  0 <= x < 1
 */

export {};
