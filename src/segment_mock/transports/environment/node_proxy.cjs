// Leads https calls of any Node through the proxy of HTTPS_PROXY: before 24 its fetch heeds no such variable.
"use strict";
const net = require("node:net");
const tls = require("node:tls");
const { Duplex } = require("node:stream");

const proxy = process.env.HTTPS_PROXY && new URL(process.env.HTTPS_PROXY);
const direct = (process.env.NO_PROXY || "").split(",").map((name) => name.trim());
const connect = tls.connect;

// A stream to host and port behind the proxy; what is written before the proxy has said yes is held.
class Tunnel extends Duplex {
  constructor(host, port) {
    super();
    this.socket = net.connect(Number(proxy.port), proxy.hostname);
    this.socket.write(`CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`);
    this.socket.on("error", (error) => this.destroy(error));
    this.socket.on("close", () => this.destroy());
    this.head = Buffer.alloc(0);
    this.ready = new Promise((resolve) => this.socket.on("data", (data) => this.greeted(data, host, resolve)));
  }

  greeted(data, host, resolve) {
    this.head = Buffer.concat([this.head, data]);
    const end = this.head.indexOf("\r\n\r\n");
    if (end < 0) return;
    const status = this.head.toString("latin1", 9, 12);
    if (status !== "200") {
      this.destroy(refusal(host, status, /^x-segment-mock-fault: connect (\w+)/im.exec(this.head.toString("latin1"))));
      return;
    }
    this.socket.removeAllListeners("data");
    this.push(this.head.subarray(end + 4));
    this.socket.on("data", (more) => this.push(more) || this.socket.pause());
    this.socket.on("end", () => this.push(null));
    resolve();
  }

  _read() {
    this.socket.resume();
  }

  _write(chunk, encoding, done) {
    this.ready.then(() => this.socket.write(chunk, encoding, done));
  }

  _final(done) {
    this.ready.then(() => this.socket.end(done));
  }

  _destroy(error, done) {
    this.socket.destroy();
    done(error);
  }
}

// The error for a connection that the proxy refuses: as the system would raise it where a fault lets it fail.
function refusal(host, status, fault) {
  if (!fault) return new Error(`${host}: segment-mock refuses it with ${status}, for it is no vendor's host`);
  const [syscall, code] = fault[1] === "dns" ? ["getaddrinfo", "ENOTFOUND"] : ["connect", "ECONNREFUSED"];
  return Object.assign(new Error(`${syscall} ${code} ${host}`), { code, syscall, hostname: host });
}

// tls.connect takes (options), (port, options) or (port, host, options), and a callback behind each.
function normal(args) {
  const options = {};
  let done;
  args.forEach((value, place) => {
    if (typeof value === "function") done = value;
    else if (value !== null && typeof value === "object") Object.assign(options, value);
    else if (value !== undefined) options[place === 0 ? "port" : "host"] = value;
  });
  return [options, done];
}

function tunnelled(...args) {
  const [options, done] = normal(args);
  const { host, port, socket, path } = options;
  if (socket || path || !host || Number(port) !== 443 || direct.includes(host)) return connect.apply(this, args);
  const tunnel = new Tunnel(host, port);
  const secured = connect.call(this, { ...options, socket: tunnel }, done);
  for (const name of ["ref", "unref"]) {
    const own = secured[name];
    secured[name] = function () {
      tunnel.socket[name](); // or an idle connection keeps the process alive
      return own.call(this);
    };
  }
  return secured;
}

if (proxy) tls.connect = tunnelled;
