// SPDX-License-Identifier: Apache-2.0
// What is not marked otherwise was compared with HAProxy 2.6.
#include "expr/conv_cases.h"

static void json_escapes(void **state)
{
    static const struct conv_case cases[] = {
        { "str(),json(utf8)", "" },
        { "str(%22%5C/%08%0C%0A%0D%09),url_dec,json", "\\\"\\\\\\/\\b\\f\\n\\r\\t" },
        { "str(%01%1F%7F),url_dec,json(utf8)", "\\u0001\\u001f\\u007f" },
        { "str(%C3%A9),url_dec,json(ascii)", "\\u00c3\\u00a9" },
        { "str(%C3%A9%E2%82%AC),url_dec,json(utf8)", "\\u00e9\\u20ac" },
        { "str(a%80b),url_dec,json(utf8)", NULL },
        { "str(a%80b),url_dec,json(utf8p)", NULL },
        { "str(a%80b),url_dec,json(utf8s)", "ab" },
        { "str(%E2%82x),url_dec,json(utf8s)", "x" },
        { "str(%C3%C3%A9),url_dec,json(utf8s)", "\\u00e9" },
        { "str(%C0%80),url_dec,json(utf8)", NULL },
        { "str(%C0%80),url_dec,json(utf8s)", "" },
        { "str(%C0%80),url_dec,json(utf8p)", "\\u0000" },
        { "str(%F0%80%80%AF),url_dec,json(utf8ps)", "\\/" },
        { "str(%F0%9F%98%80),url_dec,json(utf8)", NULL }, // four digits cannot write it
        { "str(%F0%9F%98%80),url_dec,json(utf8ps)", "" },
        { "str(%ED%A0%80),url_dec,json(utf8ps)", "" },
        { "str(%EF%BF%BE),url_dec,json(utf8)", NULL },
        { "str(%EF%BF%BD),url_dec,json(utf8)", "\\ufffd" },
        { "str(%FFa%FE),url_dec,json(utf8s)", "a" },
    };
    static const struct conv_bad bad[] = { { "str(a),json(latin1)", "input code" } };
    conv_check(*state, cases, NUM_ITEMS(cases));
    conv_check_bad(*state, bad, NUM_ITEMS(bad));
}

static void json_queries(void **state)
{
    static const struct conv_case cases[] = {
        { "str('{\"a\":\"x\"}'),json_query($.a)", "x" },
        { "str('{\"a\":{\"b\":\"c\"}}'),json_query($.a.b)", "c" },
        { "str('{\"a\":[1,[2,3],{\"k\":\"v\"}]}'),json_query($.a[1][1])", "3" },
        { "str('{\"a\":[1,[2,3],{\"k\":\"v\"}]}'),json_query($.a[2].k)", "v" },
        { "str('{\"a\":[1]}'),json_query($.a[1])", NULL },
        { "str('[1,2]'),json_query($[1],int)", "2" },
        { "str('\"s\"'),json_query($)", "s" },
        { "str(' { \"a\" : true } '),json_query($.a)", "1" },
        { "str('{\"a\":false}'),json_query($.a)", "0" },
        { "str('{\"a\":null}'),json_query($.a)", NULL },
        { "str('{\"a\":{}}'),json_query($.a)", NULL },
        { "str('{\"a\":1.50}'),json_query($.a)", "1.5" },
        { "str('{\"a\":1.50}'),json_query($.a,int)", "1" },
        { "str('{\"a\":12345678901}'),json_query($.a)", "1.23457e+10" },
        { "str('{\"a\":12345678901}'),json_query($.a,int),add(1)", "12345678902" },
        { "str('{\"a\":9007199254740991}'),json_query($.a,int)", "9007199254740991" },
        { "str('{\"a\":9007199254740992}'),json_query($.a,int)", NULL },
        { "str('{\"a\":-99999999999999999999}'),json_query($.a,int)", NULL },
        { "str('{\"a\":1e400}'),json_query($.a)", "inf" },
        { "str('{\"a\":1,\"a\":2}'),json_query($.a)", "1" },
        { "str('{\"my.key\":\"v\"}'),json_query($.my\\\\.key)", "v" },
        { "str('{\"a b\":1}'),json_query('$.a b')", "1" },
        { "str('{\"a\":1}x'),json_query($.a)", "1" }, // what follows is not read
        { "str('{a:1}'),json_query($.a)", NULL },
        { "str('{\"b\":tru,\"a\":1}'),json_query($.a)", NULL },
        { "str('{\"a\":\"x'),json_query($.a)", NULL },
        { "str(),json_query($)", NULL },
        // The manual's, and RFC 8259's, where 2.6 gives none or takes what is malformed.
        { "str('{\"a\":[ \"x\",1 ]}'),json_query($.a)", "[ \"x\",1 ]" },
        { "str('{\"a\":1}'),json_query('$[\"a\"]')", "1" },
        { "str('{\"\\u0061\":\"\\u00e9\\n\\ud83d\\ude00\\ud83d\"}'),json_query($.a)",
          "\xc3\xa9\n\xf0\x9f\x98\x80\xef\xbf\xbd" },
        { "str('{\"a\":1'),json_query($.a)", NULL },
        { "str('{\"a\":01}'),json_query($.a)", NULL },
        { "str('{\"a\":1.}'),json_query($.a)", NULL },
        { "str('{\"a\":-}'),json_query($.a)", NULL },
        { "str('{\"a\":+1}'),json_query($.a)", NULL },
        { "str('{\"a\":\"\\x\"}'),json_query($.a)", NULL },
        { "str('{\"a\":\"\\u12g4\"}'),json_query($.a)", NULL },
        { "str('{\"b\":[1,],\"a\":1}'),json_query($.a)", NULL },
        { "str('{\"b\" 1,\"a\":1}'),json_query($.a)", NULL },
        { "str(%22%01%22),url_dec,json_query($)", NULL },
        { "str(%00),url_dec,json_query($)", NULL },
    };
    static const struct conv_bad bad[] = {
        { "str(a),json_query(a)", "a path such as" },
        { "str(a),json_query($.a,int32)", "output type is 'int'" },
        { "str(a),json_query($.)", "a name is missing" },
        { "str(a),json_query($.*)", "'*' is not supported" },
        { "str(a),json_query($[*])", "a number or a name" },
        { "str(a),json_query($[1)", "a ']' is missing" },
        { "str(a),json_query($[-1])", "a number or a name" },
        { "str(a),json_query($a)", "'.' or '['" },
        { "str(a),json_query('$[\"a]')", "a ']' is missing" },
    };
    conv_check(*state, cases, NUM_ITEMS(cases));
    conv_check_bad(*state, bad, NUM_ITEMS(bad));
}

static void json_depth(void **state)
{
    static char text[1000];
    for (size_t depth = 60; depth <= 70; depth++) {
        struct expr expr;
        struct toy facts = { 0 };
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        struct expr_sample sample = { .type = EXPR_STR, .str = slice_of(text, 2 * depth) };
        assert_true(conv_parse(*state, &expr, "str(),json_query($)"));
        assert_int_equal(expr.steps[0].conv->convert(toy_subject(&facts), &sample, expr.steps[0].args), depth <= 64);
    }
}

#define FIX_BODY "35=A%0149=S%0156=T%0134=1%01"

static void fix(void **state)
{
    static const struct conv_case cases[] = {
        { "str(8=FIX.4.4%019=20%01" FIX_BODY "10=178%01),url_dec,fix_is_valid", "1" },
        { "str(8=FIX.4.4%019=20%01" FIX_BODY "10=178%01x),url_dec,fix_is_valid", "1" },
        { "str(8=FIXT.1.1%019=20%01" FIX_BODY "10=000%01),url_dec,fix_is_valid", "1" },
        { "str(8=FIX.5.0%019=20%01" FIX_BODY "10=175%01),url_dec,fix_is_valid", "0" },
        { "str(8=FIX.4.4%019=20%01" FIX_BODY "10=001%01),url_dec,fix_is_valid", "0" },
        { "str(8=FIX.4.4%019=20%01" FIX_BODY "10=0178%01),url_dec,fix_is_valid", "0" },
        { "str(8=FIX.4.4%019=1%01" FIX_BODY "10=129%01),url_dec,fix_is_valid", "0" },
        { "str(8=FIX.4.4%019=10%0149=S%0135=A%0110=222%01),url_dec,fix_is_valid", "0" },
        { "str(8=FIX.4.4%019=9%0135=A%01x=1%0110=159%01),url_dec,fix_is_valid", "0" },
        { "str(8=FIX.4.4%019=20%01" FIX_BODY "10=178),url_dec,fix_is_valid", NULL },
        { "str(8=FIX.4.4%019=20%01" FIX_BODY "),url_dec,fix_is_valid", NULL },
        { "str(),fix_is_valid", NULL },
        { "str(8=FIX.4.4%019=20%01" FIX_BODY "10=178%01),url_dec,fix_tag_value(49)", "S" },
        { "str(8=FIX.4.4%019=20%01" FIX_BODY "10=178%01),url_dec,fix_tag_value(msgtype)", "A" },
        { "str(8=FIX.4.4%019=20%01" FIX_BODY "10=178%01),url_dec,fix_tag_value(CheckSum)", "178" },
        { "str(8=FIX.4.4%019=20%01" FIX_BODY "10=178%01),url_dec,fix_tag_value(99)", NULL },
        { "str(8=FIX.4.4%019=5%0135=A%0158=a=b%01),url_dec,fix_tag_value(58)", "a=b" },
        { "str(8=FIX.4.4),fix_tag_value(8)", NULL },
    };
    static const struct conv_bad bad[] = { { "str(a),fix_tag_value(0)", "a number from 1" },
                                           { "str(a),fix_tag_value(BodyLen)", "a number from 1" } };
    conv_check(*state, cases, NUM_ITEMS(cases));
    conv_check_bad(*state, bad, NUM_ITEMS(bad));
}

// CONNECT with a will, a user and a password; of 5.0 with two properties.
#define MQTT_4 "%10%1D%00%04MQTT%04%CE%00%3C%00%03cid%00%02wt%00%02wp%00%01u%00%01p"
#define MQTT_5 "%10%18%00%04MQTT%05%02%00%3C%08%11%00%00%00%0A%21%00%14%00%03cid"

static void mqtt(void **state)
{
    static const struct conv_case cases[] = {
        { "str(" MQTT_4 "),url_dec,mqtt_is_valid", "1" },
        { "str(" MQTT_4 "x),url_dec,mqtt_is_valid", "1" },
        { "str(" MQTT_4 "),url_dec,bytes(0,30),mqtt_is_valid", NULL },
        { "str(" MQTT_4 "),url_dec,mqtt_field_value(connect,flags)", "206" },
        { "str(" MQTT_4 "),url_dec,mqtt_field_value(1,PROTOCOL_NAME)", "MQTT" },
        { "str(" MQTT_4 "),url_dec,mqtt_field_value(connect,protocol_version)", "4" },
        { "str(" MQTT_4 "),url_dec,mqtt_field_value(connect,client_identifier)", "cid" },
        { "str(" MQTT_4 "),url_dec,mqtt_field_value(connect,will_topic)", "wt" },
        { "str(" MQTT_4 "),url_dec,mqtt_field_value(connect,will_payload)", "wp" },
        { "str(" MQTT_4 "),url_dec,mqtt_field_value(connect,username)", "u" },
        { "str(" MQTT_4 "),url_dec,mqtt_field_value(connect,password)", "p" },
        { "str(" MQTT_4 "),url_dec,mqtt_field_value(connect,keepalive),add(1)", "61" },
        { "str(" MQTT_4 "),url_dec,mqtt_field_value(connect,17)", NULL },
        { "str(" MQTT_4 "),url_dec,mqtt_field_value(connack,flags)", NULL },
        { "str(" MQTT_5 "),url_dec,mqtt_is_valid", "1" },
        { "str(" MQTT_5 "),url_dec,mqtt_field_value(connect,17)", "10" },
        { "str(" MQTT_5 "),url_dec,mqtt_field_value(connect,33)", "20" },
        { "str(" MQTT_5 "),url_dec,mqtt_field_value(connect,39)", "0" },
        { "str(" MQTT_5 "),url_dec,mqtt_field_value(connect,username)", NULL },
        { "str(%20%02%01%05),url_dec,mqtt_field_value(connack,reason_code)", "5" },
        { "str(%20%02%01%05),url_dec,mqtt_field_value(connack,protocol_version)", "4" },
        { "str(%20%02%02%00),url_dec,mqtt_is_valid", "0" },
        { "str(%20%03%00%00%00),url_dec,mqtt_is_valid", "1" },
        { "str(%20%08%00%00%05%11%00%00%00%05),url_dec,mqtt_field_value(connack,17)", "5" },
        { "str(%20%82%00%00%00),url_dec,mqtt_is_valid", "1" },
        { "str(%10%FF%FF%FF%FF%01),url_dec,mqtt_is_valid", "0" },
        { "str(%11%00),url_dec,mqtt_is_valid", "0" },
        { "str(%C0%00),url_dec,mqtt_is_valid", "0" },
        { "str(),mqtt_is_valid", NULL },
    };
    static const struct conv_bad bad[] = {
        { "str(a),mqtt_field_value(publish,topic)", "packet type" },
        { "str(a),mqtt_field_value(connect,reason_code)", "a connect packet has no such field" },
        { "str(a),mqtt_field_value(connack,24)", "a connack packet has no such field" },
        { "str(a),mqtt_field_value(1,38)", "that can be read" },
        { "str(a),mqtt_field_value(1)", "takes (<packettype>" },
    };
    conv_check(*state, cases, NUM_ITEMS(cases));
    conv_check_bad(*state, bad, NUM_ITEMS(bad));
}

#define RECTANGLE "%82%03%06%DA%03%03%08%96%01%8A%03%07%DA%03%04%08%07%10%08"

static void protobuf(void **state)
{
    static const struct conv_case cases[] = {
        { "str(" RECTANGLE "),url_dec,protobuf(48.59.1,int32)", "150" },
        { "str(" RECTANGLE "),url_dec,protobuf(49.59.2,int64)", "8" },
        { "str(" RECTANGLE "),url_dec,protobuf(48),protobuf(59),protobuf(1,int32)", "150" },
        { "str(" RECTANGLE "),url_dec,protobuf(48.59.2,int32)", NULL },
        { "str(%00%00%00%00%13" RECTANGLE "),url_dec,ungrpc(49.59.1,int32)", "7" },
        { "str(%00%00%00%00%14" RECTANGLE "),url_dec,ungrpc(49.59.1,int32)", NULL },
        { "str(%00%00%00),url_dec,ungrpc(1)", NULL },
        { "str(%18%FF%FF%FF%FF%FF%FF%FF%FF%FF%01),url_dec,protobuf(3,int32)", "-1" },
        { "str(%18%07),url_dec,protobuf(3,sint32)", "-4" },
        { "str(%21%00%00%00%00%00%00%0C%40),url_dec,protobuf(4,double)", "3" },
        { "str(%31%D6%FF%FF%FF%FF%FF%FF%FF),url_dec,protobuf(6,sfixed64)", "-42" },
        { "str(%3D%D5%FF%FF%FF),url_dec,protobuf(7,fixed32)", "4294967253" },
        { "str(%3D%D5%FF%FF%FF),url_dec,protobuf(7,sfixed32)", "-43" },
        { "str(%42%05hello),url_dec,protobuf(8)", "hello" },
        { "str(%42%06hello),url_dec,protobuf(8)", NULL },
        { "str(%0A%02%10%01%0A%02%18%09),url_dec,protobuf(1.3,int32)", "9" },
        { "str(%10%05%0B%0C),url_dec,protobuf(2,int32)", "5" },
        { "str(%0B%0C%10%05),url_dec,protobuf(2,int32)", NULL }, // groups are not read
        { "str(),protobuf(1)", NULL },
        // 2.6 reads past the end of these.
        { "str(%08),url_dec,protobuf(1,int32)", NULL },
        { "str(%0A%00%10%05),url_dec,protobuf(1.2,int32)", NULL },
        { "str(%2D%00%00%10%C0),url_dec,protobuf(5,float)", "-2" }, // 2.6: 4294967294
        { "str(%09%FF%FF%FF%FF%FF%FF%FF%FF),url_dec,protobuf(1,double)", "-9223372036854775808" },
        { "str(%01%00%00%00%02%08%01),url_dec,ungrpc(1,int32)", NULL },
    };
    static const struct conv_bad bad[] = {
        { "str(a),protobuf(0)", "field number" },         { "str(a),protobuf(1.)", "field number" },
        { "str(a),protobuf(536870912)", "field number" }, { "str(a),protobuf(1,string)", "its type is int32" },
        { "str(a),ungrpc(x)", "field number" },
    };
    conv_check(*state, cases, NUM_ITEMS(cases));
    conv_check_bad(*state, bad, NUM_ITEMS(bad));
}

// Newer than 2.6: from the manual and RFC 7239.
static void forwarded(void **state)
{
    static const struct conv_case cases[] = {
        { "str('for=127.0.0.1;proto=http'),rfc7239_is_valid", "1" },
        { "str('proto=custom'),rfc7239_is_valid", "0" },
        { "str('FOR=\"[::1]:80\", for=unknown ,by=_x'),rfc7239_is_valid", "1" },
        { "str('for=[::1]'),rfc7239_is_valid", "0" },
        { "str('for=\"1.2.3.4:99999\"'),rfc7239_is_valid", "0" },
        { "str('for=\"1.2.3.4:_p\"'),rfc7239_is_valid", "1" },
        { "str('for=1.2.3.4;for=1.2.3.5'),rfc7239_is_valid", "0" },
        { "str('for=1.2.3.4;secret=\"a\\\"b\"'),rfc7239_is_valid", "1" },
        { "str('for=1.2.3.4; by=_x'),rfc7239_is_valid", "0" },
        { "str('for'),rfc7239_is_valid", "0" },
        { "str('for='),rfc7239_is_valid", "0" },
        { "str('for=\"_a'),rfc7239_is_valid", "0" },
        { "str('host=\"a:b\"'),rfc7239_is_valid", "0" },
        { "str('host=\"[::1]:80\"'),rfc7239_is_valid", "1" },
        { "str('host=\"\"'),rfc7239_is_valid", "0" },
        { "str(),rfc7239_is_valid", "0" },
        { "str('proto=https;host=\"haproxy.org:80\"'),rfc7239_field(host)", "haproxy.org:80" },
        { "str('proto=https;for=\"127.0.0.1:9999\"'),rfc7239_field(for)", "127.0.0.1:9999" },
        { "str('for=_a,for=_b'),rfc7239_field(for)", "_a" },
        { "str('for=_a'),rfc7239_field(by)", NULL },
        { "str('for=_a;x'),rfc7239_field(for)", NULL },
        { "str(127.0.0.1:9999),rfc7239_n2nn", "127.0.0.1" },
        { "str([ab:cd:ff:ff:ff:ff:ff:ff]:9998),rfc7239_n2nn", "ab:cd:ff:ff:ff:ff:ff:ff" },
        { "str(_name:_port),rfc7239_n2nn", "_name" },
        { "str(unknown),rfc7239_n2nn", "unknown" },
        { "str(name),rfc7239_n2nn", NULL },
        { "str([127.0.0.1]),rfc7239_n2nn", NULL },
        { "str(::1),rfc7239_n2nn", NULL },
        { "str(127.0.0.1:9999),rfc7239_n2np", "9999" },
        { "str(_name:_port),rfc7239_n2np", "_port" },
        { "str(_name),rfc7239_n2np", NULL },
        { "str(_name:),rfc7239_n2np", NULL },
        { "str(10.0.0.1),ipmask(32),rfc7239_nn", "10.0.0.1" },
        { "str(ab::1),ipmask(32,128),rfc7239_nn", "[ab::1]" },
        { "str(test),rfc7239_nn", "_test" },
        { "str(),rfc7239_nn", "unknown" },
        { "str(a/b),rfc7239_nn", NULL },
        { "int(12),rfc7239_np", "12" },
        { "int(65536),rfc7239_np", NULL },
        { "int(-1),rfc7239_np", NULL },
        { "str(test),rfc7239_np", "_test" },
        { "str(),rfc7239_np", NULL },
    };
    static const struct conv_bad bad[] = { { "str(a),rfc7239_field(x)", "for, by, host or proto" } };
    conv_check(*state, cases, NUM_ITEMS(cases));
    conv_check_bad(*state, bad, NUM_ITEMS(bad));
}

static void dates(void **state)
{
    static const struct conv_case cases[] = {
        { "int(1404995030),utime(%Y%m%d%H%M%S)", "20140710122350" },
        { "int(951782400),utime('%d.%m.%Y',86400)", "01.03.2000" },
        { "int(0),utime(%N%%N)", "%N%N" },
        { "int(1),utime(%)", "%" },
        { "int(9223372036854775807),utime(%s,1)", NULL },
        { "int(1404995030),http_date", "Thu, 10 Jul 2014 12:23:50 GMT" },
        { "int(1404995030),http_date(3600)", "Thu, 10 Jul 2014 13:23:50 GMT" },
        { "int(1404995030123),http_date(0,ms)", "Thu, 10 Jul 2014 12:23:50.123 GMT" },
        { "int(1404995030000005),http_date(0,us)", "Thu, 10 Jul 2014 12:23:50.5 GMT" },
        { "int(253402300799),http_date", "Fri, 31 Dec 9999 23:59:59 GMT" },
        { "int(-1),http_date", "Wed, 31 Dec 1969 23:59:59 GMT" }, // 2.6 takes it for a large number
        // Newer than 2.6.
        { "int(1404995030123),ms_utime(%S.%3N)", "50.123" },
        { "int(1404995030123),ms_utime(%N)", "123000000" },
        { "int(1404995030123),ms_utime(%6N%%N%3Nx%1N,-100)", "023000%N023x0" },
        { "int(-1),us_utime(%S.%6N)", "59.999999" },
        { "int(-9223372036854775807),us_utime(%6N)", "224193" },
        { "int(1),us_utime(%9N)", "000001000" },
        { "str('Sun, 06 Nov 1994 08:49:37 GMT'),date", "784111777" },
        { "str('Sunday, 06-Nov-94 08:49:37 GMT'),date", "784111777" },
        { "str('Sun Nov  6 08:49:37 1994'),date", "784111777" },
        { "str('Tue, 29 Feb 2000 00:00:00 GMT'),date", "951782400" },
        { "str('Thu, 01 Mar 1900 00:00:00 GMT'),date", "-2203891200" },
        { "str('Thu, 29 Feb 1900 00:00:00 GMT'),date", NULL },
        { "str('Sat, 01 Jan 0000 00:00:00 GMT'),date", "-62167219200" },
        { "str('Fri, 31 Dec 9999 23:59:60 GMT'),date", "253402300800" },
        { "str('Wednesday, 31-Dec-75 23:59:59 GMT'),date", "189302399" },
        { "str('Sunday, 31-Dec-73 00:00:00 GMT'),date", "3281904000" },
        { "str('Sun, 6 Nov 1994 08:49:37 GMT'),date", NULL },
        { "str('Sun, 06 Nov 1994 24:49:37 GMT'),date", NULL },
        { "str('Sun, 06 Nov 1994 08:49:37 GMTx'),date", NULL },
        { "str(Sun),date", NULL },
        { "str(),date", NULL },
    };
    static const struct conv_bad bad[] = {
        { "int(0),utime", "takes (<format>" },        { "int(0),ltime(%H,x)", "offset is an integer" },
        { "int(0),ms_utime(\"\",1)", "strftime(3)" }, { "int(0),http_date(x)", "offset is an integer" },
        { "int(0),http_date(0,h)", "its unit" },
    };
    conv_check(*state, cases, NUM_ITEMS(cases));
    conv_check_bad(*state, bad, NUM_ITEMS(bad));
}

static void local_time(void **state)
{
    assert_int_equal(setenv("TZ", "XYZ-2:30", 1), 0);
    static const struct conv_case cases[] = {
        { "int(1404995030),ltime('%H:%M:%S %Z')", "14:53:50 XYZ" },
        { "int(1404995030005),ms_ltime(%H:%M:%S.%3N)", "14:53:50.005" },
        { "int(1404995030000005),us_ltime(%H:%M:%S.%6N,10)", "14:53:50.000015" },
    };
    conv_check(*state, cases, NUM_ITEMS(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_escapes), cmocka_unit_test(json_queries), cmocka_unit_test(json_depth),
        cmocka_unit_test(fix),          cmocka_unit_test(mqtt),         cmocka_unit_test(protobuf),
        cmocka_unit_test(forwarded),    cmocka_unit_test(dates),        cmocka_unit_test(local_time),
    };
    return cmocka_run_group_tests(tests, conv_setup, conv_teardown);
}
