// SPDX-License-Identifier: Apache-2.0
// The answers of other protocols' servers, one function each: with the last one of a list the check is over. Private to
// src/check.
#pragma once

#include "proxy/check_conf.h"

check_read_fn protocol_hear_mysql_hello; // protocol_hear_mysql_hello takes a handshake packet, or an error
check_read_fn protocol_hear_mysql_login; // protocol_hear_mysql_login takes what is no error for success
check_read_fn protocol_hear_pgsql;       // protocol_hear_pgsql takes a request for authentication
check_read_fn protocol_hear_redis;       // protocol_hear_redis takes "+PONG"
check_read_fn protocol_hear_smtp;        // protocol_hear_smtp takes a reply of one or several lines that begins with 2
check_read_fn protocol_hear_ldap;        // protocol_hear_ldap takes a BindResponse with resultCode success
check_read_fn protocol_hear_ssl;         // protocol_hear_ssl takes an alert or a handshake record
