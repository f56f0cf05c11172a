/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN: OpenSSL between two memory BIOs, under proton's driver: fewer copies than proton's own
 * SSL layer and the socket stays libuv's.
 */
#include <errno.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "connection.h"

#define PLAIN_BYTES (64u << 10)

int emu_tls_context_new(const char *certificate, const char *key, struct ssl_ctx_st **ret,
                        struct hd_diag *diag)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL) {
        return hd_fail(diag, -ENOMEM, "out of memory");
    }
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    const char *what = NULL;
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1) {
        what = certificate;
    } else if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 ||
               SSL_CTX_check_private_key(context) != 1) {
        what = key;
    }
    if (what != NULL) {
        hd_fail(diag, -EINVAL, "cannot use %s for TLS: %s", what,
                ERR_reason_error_string(ERR_get_error()));
        SSL_CTX_free(context);
        return -EINVAL;
    }
    *ret = context;
    return 0;
}

void emu_tls_context_free(struct ssl_ctx_st *context)
{
    SSL_CTX_free(context);
}

int emu_tls_attach(struct emu_conn *conn, struct ssl_ctx_st *context)
{
    conn->ssl = SSL_new(context);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    if (conn->ssl == NULL || in == NULL || out == NULL) {
        BIO_free(in);
        BIO_free(out);
        return -ENOMEM;
    }
    SSL_set_bio(conn->ssl, in, out);
    SSL_set_accept_state(conn->ssl);
    return 0;
}

void emu_tls_detach(struct emu_conn *conn)
{
    SSL_free(conn->ssl);
    conn->ssl = NULL;
}

int emu_tls_input(struct emu_conn *conn, const char *data, size_t len,
                  int (*take)(struct emu_conn *conn, const char *data, size_t len))
{
    char plain[PLAIN_BYTES];
    if (BIO_write(SSL_get_rbio(conn->ssl), data, (int)len) != (int)len) {
        return -ENOMEM;
    }
    for (;;) {
        ERR_clear_error();
        int n = SSL_read(conn->ssl, plain, sizeof(plain));
        conn->shaken = SSL_is_init_finished(conn->ssl);
        if (n > 0) {
            int r = take(conn, plain, (size_t)n);
            if (r != 0 || conn->closing) {
                return r;
            }
            continue;
        }
        int error = SSL_get_error(conn->ssl, n);
        return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -EPROTO;
    }
}

int emu_tls_output(struct emu_conn *conn, struct hd_slice plain, struct hd_buffer *out)
{
    while (conn->shaken && plain.len > 0) {
        ERR_clear_error();
        int n = SSL_write(conn->ssl, plain.data, (int)plain.len);
        if (n <= 0) {
            return -EPROTO;
        }
        plain = hd_slice(plain.data + n, plain.len - (size_t)n);
    }
    BIO *bio = SSL_get_wbio(conn->ssl);
    char *encrypted;
    long n = BIO_get_mem_data(bio, &encrypted);
    if (n > 0) {
        int r = hd_buffer_append(out, encrypted, (size_t)n);
        if (r != 0) {
            return r;
        }
        (void)BIO_reset(bio);
    }
    return 0;
}
