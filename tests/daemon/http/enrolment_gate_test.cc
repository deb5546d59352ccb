// Goal: whoever's enrolments come to nothing is shut out, by himself and for a time; whoever enrols
// never is. Method: times are made up; nothing waits.
#include "daemon/http/enrolment_gate.h"

#include <gtest/gtest.h>

namespace stele::daemon {
namespace {

using namespace std::chrono_literals;

EnrolmentGate::Time at(std::chrono::milliseconds time) {
  return EnrolmentGate::Time{} + 1h + time;
}

TEST(EnrolmentGate, LetsInABurstAndThenOneEachRefill) {
  EnrolmentGate gate(3, 1min);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(gate.shut_for("a", at(0s)));
  EXPECT_EQ(gate.shut_for("a", at(0s)), 1min);
  EXPECT_EQ(gate.shut_for("a", at(59s)), 1s);
  EXPECT_FALSE(gate.shut_for("a", at(1min)));
  EXPECT_TRUE(gate.shut_for("a", at(1min)));
}

TEST(EnrolmentGate, AScriptThatFailsForEverIsLetInAtThatRateAlone) {
  EnrolmentGate gate(6, 1min);
  int let_in = 0;
  for (auto time = 0s; time <= 3600s; time += 1s) let_in += gate.shut_for("a", at(time)) ? 0 : 1;
  EXPECT_EQ(let_in, 6 + 60);
}

TEST(EnrolmentGate, WhoEnrolsOwesNothing) {
  EnrolmentGate gate(2, 1min);
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(gate.shut_for("a", at(0s)));  // the identity
    EXPECT_FALSE(gate.shut_for("a", at(0s)));  // the activation
    gate.enrolled("a");
  }
}

TEST(EnrolmentGate, OneShutsOutNoOther) {
  EnrolmentGate gate(1, 1min);
  EXPECT_FALSE(gate.shut_for("a", at(0s)));
  EXPECT_TRUE(gate.shut_for("a", at(0s)));
  EXPECT_FALSE(gate.shut_for("b", at(0s)));
}

TEST(EnrolmentGate, WhatTheHostCouldNotDoIsForgiven) {
  EnrolmentGate gate(1, 1min);
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(gate.shut_for("a", at(0s)));
    gate.forgive("a", at(0s));
  }
}

TEST(EnrolmentGate, RemembersSoManyCallersAndTheOthersTogether) {
  EnrolmentGate gate(1, 1min);
  for (std::size_t i = 0; i < kMaxEnrollingCallers; ++i) {
    EXPECT_FALSE(gate.shut_for(std::to_string(i), at(0s)));
  }
  EXPECT_FALSE(gate.shut_for("one more", at(0s)));
  EXPECT_TRUE(gate.shut_for("and another", at(0s)));
  // Those remembered still have their own, and whose bucket is full again makes room.
  EXPECT_TRUE(gate.shut_for("0", at(1s)));
  EXPECT_FALSE(gate.shut_for("and another", at(1min)));
  EXPECT_FALSE(gate.shut_for("0", at(1min)));
}

}  // namespace
}  // namespace stele::daemon
