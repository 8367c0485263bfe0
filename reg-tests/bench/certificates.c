// SPDX-License-Identifier: Apache-2.0
//
// certificates [-k rsa|ec] NUMBER DIRECTORY writes that many certificates for a balancer to load: NUMBER files
// 00000.pem, ... of a certificate for host-N.many.test and its key. They share one key, for only their number matters,
// and are signed by an authority nobody knows. For 10,000 it takes a second.
#define _GNU_SOURCE
#include "net.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdbool.h>
#include <unistd.h>
#include <openssl/bio.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

static EVP_PKEY *key_make(bool is_rsa)
{
    EVP_PKEY *key = EVP_PKEY_new();
    EC_KEY *ec = is_rsa ? NULL : EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    RSA *rsa = is_rsa ? RSA_new() : NULL;
    BIGNUM *exponent = BN_new();

    if (key == NULL || exponent == NULL || !BN_set_word(exponent, RSA_F4))
        net_die("malloc");
    if (is_rsa ? !RSA_generate_key_ex(rsa, 2048, exponent, NULL) || !EVP_PKEY_assign_RSA(key, rsa)
               : !EC_KEY_generate_key(ec) || !EVP_PKEY_assign_EC_KEY(key, ec))
        net_die("the library makes no key");
    BN_free(exponent);
    return key;
}

static void name_set(X509_NAME *name, const char *text)
{
    if (!X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)text, -1, -1, 0))
        net_die("malloc");
}

static void certificate_write(const char *directory, unsigned number, EVP_PKEY *key, EVP_PKEY *issuer)
{
    X509 *crt = X509_new();
    X509V3_CTX ctx;
    X509_EXTENSION *san;
    char host[64], dns[80], path[4096];
    FILE *file;

    snprintf(host, sizeof(host), "host-%u.many.test", number);
    snprintf(dns, sizeof(dns), "DNS:%s", host);
    snprintf(path, sizeof(path), "%s/%05u.pem", directory, number);
    if (crt == NULL || !X509_set_version(crt, X509_VERSION_3) ||
        !ASN1_INTEGER_set(X509_get_serialNumber(crt), (long)number + 1) ||
        X509_gmtime_adj(X509_getm_notBefore(crt), -86400) == NULL ||
        X509_gmtime_adj(X509_getm_notAfter(crt), 30 * 86400) == NULL || !X509_set_pubkey(crt, key))
        net_die("malloc");
    name_set(X509_get_subject_name(crt), host);
    name_set(X509_get_issuer_name(crt), "nobody's authority");
    X509V3_set_ctx(&ctx, crt, crt, NULL, NULL, 0);
    san = X509V3_EXT_nconf_nid(NULL, &ctx, NID_subject_alt_name, dns);
    if (san == NULL || !X509_add_ext(crt, san, -1) || !X509_sign(crt, issuer, EVP_sha256()))
        net_die("the library makes no certificate");
    X509_EXTENSION_free(san);
    file = fopen(path, "w");
    if (file == NULL || !PEM_write_X509(file, crt) || !PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) ||
        fclose(file) != 0)
        net_die(path);
    X509_free(crt);
}

int main(int argc, char **argv)
{
    static const char usage[] = "certificates [-k rsa|ec] NUMBER DIRECTORY";
    bool is_rsa = false;
    EVP_PKEY *key, *issuer;
    int option;

    while ((option = getopt(argc, argv, "k:")) != -1) {
        if (option != 'k')
            net_usage(usage);
        is_rsa = strcmp(optarg, "rsa") == 0;
    }
    if (argc != optind + 2)
        net_usage(usage);
    key = key_make(is_rsa);
    issuer = key_make(false);
    for (unsigned i = 0; i < net_number(argv[optind], 99999); i++)
        certificate_write(argv[optind + 1], i, key, issuer);
    EVP_PKEY_free(key);
    EVP_PKEY_free(issuer);
}
